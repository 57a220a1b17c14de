"""What the sum of the token losses of one optimizer step is divided by.

Axes: `B` responses.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class Normaliser(StrEnum):
    """What the sum over the responses of one optimizer step is divided by."""

    tokens = "tokens"
    """Their tokens: every token counts the same, so long responses count more."""
    sequences = "sequences"
    """Their number, each response's loss being divided by its own tokens first."""
    constant = "constant"
    """A fixed number, so that the length has no influence: Dr. GRPO, arXiv 2503.20783."""


def per_token_B(
    weights_B: torch.Tensor, lengths_B: torch.Tensor, normaliser: Normaliser
) -> torch.Tensor:
    """Return what the loss of each token is multiplied by, given the weights of the responses.

    A response's own length divides it, not the number of its tokens at hand: a batch may hold a
    part of them.
    """
    return weights_B / lengths_B if normaliser is Normaliser.sequences else weights_B


def denominator(
    counted_B: torch.Tensor, lengths_B: torch.Tensor, normaliser: Normaliser, constant: float
) -> float:
    """Return what the sum over the counted responses is divided by; 0 where none is counted."""
    if not counted_B.any():
        return 0.0
    return {
        Normaliser.tokens: float(lengths_B[counted_B].sum()),
        Normaliser.sequences: float(counted_B.sum()),
        Normaliser.constant: constant,
    }[normaliser]
