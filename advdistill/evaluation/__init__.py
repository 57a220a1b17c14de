"""Evaluations, and the lm-eval task and model behind them."""
