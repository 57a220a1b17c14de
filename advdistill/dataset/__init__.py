"""Data sets: one component, one file."""
