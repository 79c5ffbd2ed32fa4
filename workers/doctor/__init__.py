"""`leadloop doctor`: checks everything that Leadloop needs and says what to do. It writes nothing."""
