"""Verifiers: one component, one file."""
