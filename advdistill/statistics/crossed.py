"""Paired differences over seeds and items, and what share of their variance comes from where.

Axes: `S` seeds, `I` items; any axes may stand before them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_SEEDS = 3
"""Of a claim about arms; fewer say next to nothing of how far another seed would differ."""
EQUAL = 1e-12
"""Differences of shares that are closer than this are equal but for rounding."""


@dataclass(frozen=True, kw_only=True)
class Crossed:
    """The mean of differences d_si and the variance of that mean, in shares.

    d_si = mean + seed_s + item_i + rest_si, each of the three drawn anew with its own variance.
    """

    mean: Array
    seed_variance: Array
    """Of the mean, over new seeds on these very items: s²/S of the S per-seed means."""
    item_variance: Array
    """What new items of the same kind add to it; an estimate below 0 is taken as 0."""
    rest_variance: Array
    """Of one d_si around seed and item."""
    seeds: int
    items: int


def crossed(differences_SI: Array) -> Crossed:
    """Return the mean difference and its variance components, from the two-way mean squares.

    With one value per seed and item, E[MS_S] = rest + I·seed, E[MS_I] = rest + S·item and
    E[MS_rest] = rest; the random-effects analysis of variance of Clark 1973 (language as a fixed
    effect), by the method of moments. S and I are at least 2.
    """
    S, I = differences_SI.shape[-2:]  # noqa: E741  (the axis)
    mean = differences_SI.mean((-2, -1))
    by_seed_S = differences_SI.mean(-1) - mean[..., None]
    by_item_I = differences_SI.mean(-2) - mean[..., None]
    squares = np.square(differences_SI - mean[..., None, None]).sum((-2, -1))
    seed_squares = I * np.square(by_seed_S).sum(-1)
    item_squares = S * np.square(by_item_I).sum(-1)
    rest = np.maximum(squares - seed_squares - item_squares, 0) / ((S - 1) * (I - 1))
    return Crossed(
        mean=mean,
        seed_variance=seed_squares / (S - 1) / (I * S),
        item_variance=np.maximum(item_squares / (I - 1) - rest, 0) / (I * S),
        rest_variance=rest,
        seeds=S,
        items=I,
    )
