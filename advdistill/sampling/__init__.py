"""How many answers each prompt is asked for: one component, one file."""
