"""What the weights of a pool look like before any time is spent on training with them.

A `Tally` counts a part of a pool; those of all parts add up to that of the whole.

Axes: `P` prompts, `G` samples per prompt, `K` samples with a known reward.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from advdistill.correlation import CoMoments, Drawn
from advdistill.groups import draws_PG, right_PG, zero_variance_P1
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
    """Spearman's, of the same; of the 100,000 whose hash of (prompt_id, sample) is lowest where
    there are more, as ranks are known only to who holds all."""

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Tally:
    """What the health of some prompts' weights is computed from."""

    weights: Counter[str]
    """Answers by the sign of their weight."""
    groups: Counter[str]
    """Prompts by what is said of them: see `Health`."""
    rights: Counter[tuple[int, int]]
    """Prompts by (judged answers, right ones)."""
    sizes: _Sizes
    lengths: CoMoments
    """Of weight and length among the answers with a known reward."""
    drawn: Drawn
    """Some of these answers, for the ranks."""

    @classmethod
    def of(cls, groups: RewardGroups, weights_PG: NDArray[np.float64]) -> Tally:
        """Return the tally of these weights."""
        known_PG = groups.known_PG
        weights_K = weights_PG[known_PG]
        lengths_K = groups.lengths_PG[known_PG].astype(np.float64)
        rights_P, judged_P = right_PG(groups).sum(1), known_PG.sum(1)
        flat_P = zero_variance_P1(groups.rewards_PG)[:, 0]
        equal_P = flat_P & known_PG.any(1)
        return cls(
            weights=_counted(
                positive=weights_PG > 0,
                negative=weights_PG < 0,
                zero=groups.present_PG & (weights_PG == 0),
            ),
            groups=_counted(
                all=np.ones(len(flat_P), dtype=bool),
                mixed=~flat_P,
                all_right=equal_P & (rights_P == judged_P),
                all_wrong=equal_P & (rights_P == 0),
                unweighted=(weights_PG != 0).sum(1) == 0,
            ),
            rights=Counter(zip(judged_P.tolist(), rights_P.tolist(), strict=True)),
            sizes=_Sizes.of(weights_PG),
            lengths=CoMoments.of(weights_K, lengths_K),
            drawn=Drawn.of(draws_PG(groups, 0)[known_PG], weights_K, lengths_K),
        )

    def __add__(self, other: Tally) -> Tally:
        """Return the tally of both; no prompt is in both."""
        return Tally(**{
            field.name: getattr(self, field.name) + getattr(other, field.name)
            for field in fields(self)
        })  # fmt: skip

    @property
    def health(self) -> Health:
        """The health of these weights."""
        weighted = self.weights["positive"] + self.weights["negative"]
        prompts, sizes = max(self.groups["all"], 1), self.sizes
        return Health(
            positive=self.weights["positive"],
            negative=self.weights["negative"],
            zero=self.weights["zero"],
            effective_samples=sizes.effective,
            effective_share=sizes.effective / weighted if weighted else None,
            largest_share=sizes.largest / sizes.total if weighted else None,
            negative_share=sizes.negative / sizes.total if weighted else None,
            mixed_groups=self.groups["mixed"] / prompts,
            all_right_groups=self.groups["all_right"] / prompts,
            all_wrong_groups=self.groups["all_wrong"] / prompts,
            unweighted_groups=self.groups["unweighted"] / prompts,
            length_correlation=self.lengths.correlation,
            length_rank_correlation=self.drawn.rank_correlation,
        )

    def rights_by_judged(self) -> dict[int, list[int]]:
        """Return, by judged answers N of a group, how many groups have 0, 1, ... N right ones."""
        return {
            judged: [self.rights[judged, right] for right in range(judged + 1)]
            for judged in sorted({judged for judged, _ in self.rights})
        }


def health_of(groups: RewardGroups, weights_PG: NDArray[np.float64]) -> Health:
    """Return the health of the weights of a whole pool."""
    return Tally.of(groups, weights_PG).health


@dataclass(frozen=True, kw_only=True)
class _Sizes:
    """Of |w|."""

    total: float
    negative: float
    """The part of the total that negative weights have."""
    largest: float
    squares: float
    """Of |w| / largest, so that the squares of tiny weights are not rounded to 0."""

    @classmethod
    def of(cls, weights_PG: NDArray[np.float64]) -> _Sizes:
        size_PG = np.abs(weights_PG)
        largest = float(size_PG.max(initial=0.0))
        return cls(
            total=float(size_PG.sum()),
            negative=float(size_PG[weights_PG < 0].sum()),
            largest=largest,
            squares=float(((size_PG / (largest or 1.0)) ** 2).sum()),
        )

    def __add__(self, other: _Sizes) -> _Sizes:
        largest = max(self.largest, other.largest)
        return _Sizes(
            total=self.total + other.total,
            negative=self.negative + other.negative,
            largest=largest,
            squares=sum(
                one.squares * (one.largest / (largest or 1.0)) ** 2 for one in (self, other)
            ),
        )

    @property
    def effective(self) -> float:
        """(sum |w|)^2 / sum w^2."""
        return (self.total / self.largest) ** 2 / self.squares if self.largest else 0.0


def _counted(**chosen: NDArray[np.bool_]) -> Counter[str]:
    return Counter({name: int(array.sum()) for name, array in chosen.items()})
