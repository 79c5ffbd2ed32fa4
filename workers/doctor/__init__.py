"""`leadloop doctor`: looks at everything that Leadloop needs, and says what to do. It writes nothing anywhere."""
