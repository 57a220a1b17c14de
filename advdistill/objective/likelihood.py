"""Logarithms that stay finite, also where a probability is 0 or 1.

Axes: `N` response tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

MIN_LOGPROB = -1e4
"""The least log-prob that counts. A token below it is impossible: it has this loss, no gradient."""
MIN_COMPLEMENT = 1e-5
"""The smallest 1 - probability that unlikelihood takes the logarithm of."""


def floored_N(logprobs_N: torch.Tensor) -> torch.Tensor:
    """Return the log-probs with a floor, without which 0 times a loss could be no number."""
    return logprobs_N.clamp(min=MIN_LOGPROB)


def unlikelihood_N(logprobs_N: torch.Tensor) -> torch.Tensor:
    """Return -log(1 - probability), which is bounded and fades as the probability does.

    The token-level loss of Welleck et al., arXiv 1908.04319. Unlike the paper, the tokens to avoid
    are all tokens of a response of negative weight, not repeats of the context.
    """
    # expm1 keeps 1 - p exact where p is close to 1, which 1 - exp(log p) loses.
    complement_N = -logprobs_N.expm1()
    return -complement_N.clamp(min=MIN_COMPLEMENT).log()


def softplus(values: torch.Tensor) -> torch.Tensor:
    """Return log(1 + exp(value)), which is -log sigmoid(-value), without overflow."""
    return values.logaddexp(values.new_zeros(()))
