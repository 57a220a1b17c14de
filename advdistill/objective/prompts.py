"""Sums over the responses to one prompt.

Axes: `B` responses, `P` prompts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def places_B(groups_B: torch.Tensor) -> torch.Tensor:
    """Return the numbers of the prompts without gaps: a process may hold some prompts only."""
    _, found_B = groups_B.unique(return_inverse=True)
    return found_B


def totals_B(values_B: torch.Tensor, groups_B: torch.Tensor) -> torch.Tensor:
    """Return, for each response, the sum over all responses to its prompt."""
    prompts_B = places_B(groups_B)
    totals_P = values_B.new_zeros(len(values_B)).index_add(0, prompts_B, values_B)
    return totals_P[prompts_B]
