"""A sweep: its cells, their order, who runs them, and the ledger of what came of it."""
