"""The store of answers: what teachers were once asked is never asked again, and never lost."""
