"""How two numbers of many answers go together, computed part by part.

Axes: `K` answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

DRAWN = 100_000
"""Answers that are kept whole for the ranks."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CoMoments:
    """What Pearson's correlation is made of; those of two parts add up (Chan et al. 1979)."""

    count: int
    scale: float
    """The largest size of the first number, in units of which its moments are: its squares are
    not rounded to 0 where all are tiny."""
    means: NDArray[np.float64]
    squares: NDArray[np.float64]
    """Sums of the products of both numbers' distances from their means; 2 by 2."""
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]

    @classmethod
    def of(cls, one_K: NDArray[np.float64], other_K: NDArray[np.float64]) -> CoMoments:
        """Return the moments of pairs of numbers."""
        scale = float(np.abs(one_K).max(initial=0.0)) or 1.0
        pairs_2K = np.stack([one_K / scale, other_K])
        means = pairs_2K.mean(1) if len(one_K) else np.zeros(2)
        centred_2K = pairs_2K - means[:, None]
        return cls(
            count=len(one_K),
            scale=scale,
            means=means,
            squares=centred_2K @ centred_2K.T,
            lowest=np.array([one_K.min(initial=np.inf), other_K.min(initial=np.inf)]),
            highest=np.array([one_K.max(initial=-np.inf), other_K.max(initial=-np.inf)]),
        )

    def __add__(self, other: CoMoments) -> CoMoments:
        """Return the moments of both parts' pairs."""
        if not (self.count and other.count):
            return self if self.count else other
        scale = max(self.scale, other.scale)
        (own, own_squares), (others, others_squares) = (one._in(scale) for one in (self, other))
        count, apart = self.count + other.count, others - own
        between = np.outer(apart, apart) * (self.count * other.count / count)
        return CoMoments(
            count=count,
            scale=scale,
            means=own + apart * (other.count / count),
            squares=own_squares + others_squares + between,
            lowest=np.minimum(self.lowest, other.lowest),
            highest=np.maximum(self.highest, other.highest),
        )

    @property
    def correlation(self) -> float | None:
        """Pearson's correlation; None where one of the two does not vary."""
        if self.count < 2 or (self.lowest == self.highest).any():
            return None
        spread = sqrt(self.squares[0, 0]) * sqrt(self.squares[1, 1])
        return float(np.clip(self.squares[0, 1] / spread, -1, 1)) if spread else None

    def _in(self, scale: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return means and squares in units of a larger scale."""
        factors = np.array([self.scale / scale, 1.0])
        return self.means * factors, self.squares * np.outer(factors, factors)


@dataclass(frozen=True, eq=False)
class Drawn:
    """The pairs of the answers whose draws are lowest, at most `DRAWN`; those of two parts add up.

    Neither the order of the answers nor how they are split has a say.
    """

    draws_K: NDArray[np.int64]
    one_K: NDArray[np.float64]
    other_K: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        draws_K: NDArray[np.int64],
        one_K: NDArray[np.float64],
        other_K: NDArray[np.float64],
    ) -> Drawn:
        """Return those that are kept of these."""
        if len(draws_K) <= DRAWN:
            return cls(draws_K, one_K, other_K)
        kept_K = np.argpartition(draws_K, DRAWN)[:DRAWN]
        return cls(draws_K[kept_K], one_K[kept_K], other_K[kept_K])

    def __add__(self, other: Drawn) -> Drawn:
        """Return those that are kept of both."""
        return Drawn.of(
            np.concatenate([self.draws_K, other.draws_K]),
            np.concatenate([self.one_K, other.one_K]),
            np.concatenate([self.other_K, other.other_K]),
        )

    @property
    def rank_correlation(self) -> float | None:
        """Spearman's correlation; None where one of the two does not vary."""
        return CoMoments.of(_ranks_K(self.one_K), _ranks_K(self.other_K)).correlation


def _ranks_K(values_K: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each value; equal ones share the mean of their ranks."""
    _, place_K, counts = np.unique(values_K, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place_K]
