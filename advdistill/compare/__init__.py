"""Claims about finished runs: what was read, what may be said of it, and what may not."""
