"""Objectives: one component, one file."""
