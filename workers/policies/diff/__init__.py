"""The differences between two policies, in sentences. Pure."""
