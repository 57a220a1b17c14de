"""What the weights of a pool look like before any time is spent on training with them.

Axes: `P` prompts, `G` samples per prompt, `K` samples with a known
reward.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from advdistill.groups import right_PG, zero_variance_P1
from advdistill.interfaces import RewardGroups


@dataclass(frozen=True, kw_only=True)
class Health:
    """Counts and shares of one pool's weights; None where there is nothing to divide by."""

    positive: int
    negative: int
    zero: int
    effective_samples: float
    """(sum |w|)^2 / sum w^2."""
    effective_share: float | None
    """The same as a share of the samples with a weight."""
    largest_share: float | None
    """Share of the largest |w| in the sum of |w|."""
    negative_share: float | None
    """Share of the negative weights in the sum of |w|."""
    mixed_groups: float
    """Share of the groups in which known rewards differ."""
    all_right_groups: float
    """Share of the groups whose known rewards are equal, every answer right."""
    all_wrong_groups: float
    """Share of the groups whose known rewards are equal, every answer wrong."""
    unweighted_groups: float
    """Share of the groups in which no sample has a weight."""
    length_correlation: float | None
    """Pearson's, of weight and length among the samples with a known reward."""
    length_rank_correlation: float | None
    """Spearman's, of the same."""

    def numbers(self) -> dict[str, float]:
        """Return the fields that are known, as numbers to report."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: float(value) for name, value in values.items() if value is not None}

    def line(self, responses: int) -> str:
        """Return the counts as a line for people; they sum to the number of responses."""
        zero = responses - self.positive - self.negative
        return (
            f"{responses} weights = {self.positive} positive + {self.negative} negative + "
            f"{zero} zero; {self.mixed_groups:.0%} of the groups mixed, "
            f"effective sample size {self.effective_samples:.0f}"
        )


def health_of(groups: RewardGroups, weights_PG: NDArray[np.float64]) -> Health:
    """Return the health of the weights."""
    size_PG = np.abs(weights_PG)
    total = float(size_PG.sum())
    weighted = int((weights_PG != 0).sum())
    # scaled by the largest, so that the squares of tiny weights are not rounded to 0
    scaled_PG = size_PG / (size_PG.max(initial=0.0) or 1.0)
    effective = float(scaled_PG.sum() ** 2 / (scaled_PG**2).sum()) if weighted else 0.0
    flat_P = zero_variance_P1(groups.rewards_PG)[:, 0] & groups.known_PG.any(1)
    rights_P, judged_P = right_PG(groups).sum(1), groups.known_PG.sum(1)
    weights_K, lengths_K = (
        array_PG[groups.known_PG].astype(np.float64) for array_PG in (weights_PG, groups.lengths_PG)
    )
    return Health(
        positive=int((weights_PG > 0).sum()),
        negative=int((weights_PG < 0).sum()),
        zero=int((groups.present_PG & (weights_PG == 0)).sum()),
        effective_samples=effective,
        effective_share=effective / weighted if weighted else None,
        largest_share=float(size_PG.max()) / total if weighted else None,
        negative_share=float(size_PG[weights_PG < 0].sum()) / total if weighted else None,
        mixed_groups=_share(~zero_variance_P1(groups.rewards_PG)[:, 0]),
        all_right_groups=_share(flat_P & (rights_P == judged_P)),
        all_wrong_groups=_share(flat_P & (rights_P == 0)),
        unweighted_groups=_share((weights_PG != 0).sum(1) == 0),
        length_correlation=_correlation(weights_K, lengths_K),
        length_rank_correlation=_correlation(_ranks_K(weights_K), _ranks_K(lengths_K)),
    )


def rights_of(groups: RewardGroups) -> dict[int, list[int]]:
    """Return, by judged answers N of a group, how many groups have 0, 1, ... N right ones."""
    judged_P, rights_P = groups.known_PG.sum(1), right_PG(groups).sum(1)
    return {
        judged: np.bincount(rights_P[judged_P == judged], minlength=judged + 1).tolist()
        for judged in np.unique(judged_P).tolist()
    }


def _share(chosen_P: NDArray[np.bool_]) -> float:
    return float(chosen_P.mean()) if len(chosen_P) else 0.0


def _correlation(one_K: NDArray[np.float64], other_K: NDArray[np.float64]) -> float | None:
    """Return Pearson's correlation; None where one of the two does not vary."""
    if len(one_K) < 2 or np.ptp(one_K) == 0 or np.ptp(other_K) == 0:
        return None
    return float(np.corrcoef(one_K / np.abs(one_K).max(), other_K)[0, 1])


def _ranks_K(values_K: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each value; equal ones share the mean of their ranks."""
    _, place_K, counts = np.unique(values_K, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place_K]
