"""What planned seeds and items can show: from finished cells, else from stated ranges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from advdistill.compare.weightings import ArmPair
from advdistill.statistics.crossed import crossed
from advdistill.statistics.power import (
    Design,
    Variances,
    cheapest,
    smallest_difference,
    variances_of,
)

_POINTS = 100
_BAND = 0.8
"""Confidence of the band that the seeds' variance of few finished seeds leaves."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """The variances of a difference of two arms at the ends of what is thought possible."""

    source: str
    low: Variances
    high: Variances


@dataclass(frozen=True, kw_only=True)
class Ranges:
    """What a plan without finished cells assumes, as shares and points."""

    discordance: tuple[float, float]
    """Share of the items on which two arms' students of one seed disagree."""
    item_share: tuple[float, float]
    """Share of that disagreement which every seed repeats."""
    seed_deviation: tuple[float, float]
    """Of the difference between seeds, beyond the noise of the items, in points."""


@dataclass(frozen=True, kw_only=True)
class Showing:
    """The least difference, in points, that a design shows with the wanted power."""

    seeds: int
    items: int
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Cheapest:
    """The cheapest designs for a wanted difference; None where none suffices."""

    points: float
    low: Design | None
    high: Design | None


def assumed(ranges: Ranges) -> Scenario:
    """Return the scenario of stated ranges: all at their low ends, and all at their high ends."""
    low, high = (
        _variances(
            ranges.discordance[end], ranges.item_share[end], ranges.seed_deviation[end] / _POINTS
        )
        for end in (0, 1)
    )
    return Scenario(source="stated ranges", low=low, high=high)


def measured(pairs: Sequence[ArmPair]) -> Scenario:
    """Return the scenario of finished cells: their mean variances, the seeds' with its band.

    The pairs share arms and so their seeds' luck: the band is as wide as that of one pair, by
    chi-squared with S - 1 degrees of freedom.
    """
    from scipy.stats import chi2

    found = [crossed(pair.first_SI - pair.second_SI) for pair in pairs]
    components = [variances_of(one) for one in found]
    seeds = min(one.seeds for one in found)
    rest, item = (mean(row) for row in ([c.rest for c in components], [c.item for c in components]))
    of_means = mean(float(one.seed_variance) * one.seeds for one in found)
    noise = rest / mean(one.items for one in found)
    degrees = seeds - 1
    ends = [
        of_means * degrees / float(chi2.ppf((1 + side * _BAND) / 2, degrees)) for side in (1, -1)
    ]
    low, high = (Variances(seed=max(end - noise, 0.0), item=item, rest=rest) for end in ends)
    return Scenario(
        source=f"finished cells: arm against baseline, {len(pairs)} times, {seeds} seeds or more",
        low=low,
        high=high,
    )


def showings(
    scenario: Scenario, seeds: Sequence[int], items: Sequence[int], *, alpha: float, power: float
) -> list[Showing]:
    """Return what each design can show, over both ends of the scenario."""
    return [
        Showing(seeds=one, items=many, low=_POINTS * low, high=_POINTS * high)
        for one in seeds
        for many in items
        for low, high in [
            tuple(
                smallest_difference(end, Design(seeds=one, items=many, alpha=alpha), wanted=power)
                for end in (scenario.low, scenario.high)
            )
        ]
    ]


def cheapest_designs(
    points: float, scenario: Scenario, *, alpha: float, power: float, training: float, most: int
) -> Cheapest:
    """Return the cheapest seeds and items for a difference, over both ends of the scenario."""
    low, high = (
        cheapest(
            points / _POINTS, end, alpha=alpha, training=training, most_items=most, wanted=power
        )
        for end in (scenario.low, scenario.high)
    )
    return Cheapest(points=points, low=low, high=high)


def _variances(discordance: float, item_share: float, seed_deviation: float) -> Variances:
    """Return the components of right-or-wrong answers: a disagreement's square is 1."""
    return Variances(
        seed=seed_deviation**2,
        item=discordance * item_share,
        rest=discordance * (1 - item_share),
    )
