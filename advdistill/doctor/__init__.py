"""Looks, before anything is spent, for every fault that is known to spoil a run."""
