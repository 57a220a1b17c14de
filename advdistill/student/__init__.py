"""Students, and the training loop of the fine-tuned one."""
