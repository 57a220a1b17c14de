"""Teachers: one component, one file."""
