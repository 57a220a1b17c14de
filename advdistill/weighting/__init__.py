"""Weightings: one component, one file."""
