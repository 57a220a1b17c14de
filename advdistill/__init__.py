"""Reward-guided distillation: one frozen pool of teacher answers, every weighting."""
