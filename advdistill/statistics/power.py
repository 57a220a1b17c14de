"""What a plan of seeds and items can show, and the cheapest plan that shows a wanted difference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from advdistill.statistics.crossed import LEAST_SEEDS, Crossed
from advdistill.statistics.two_part_t import Spread, half_width

MOST_SEEDS = 50
"""That a plan may ask for."""
_NODES = 128
"""Equally probable values of the seeds' variance over which the power is averaged."""


@dataclass(frozen=True, kw_only=True)
class Variances:
    """Where the variance of a difference d_si of two arms comes from, in squared shares."""

    seed: float
    """Between seeds, over all items alike."""
    item: float
    """Between items, over all seeds alike."""
    rest: float
    """What is left of one answer's difference."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """Seeds per arm, items of the test set, and the p-value that counts."""

    seeds: int
    items: int
    alpha: float
    """Of one test: the family's level over the number of comparisons, Holm's first step."""


def variances_of(found: Crossed) -> Variances:
    """Return the components that finished cells show; one below 0 is taken as 0."""
    rest = float(found.rest_variance)
    seed = float(found.seed_variance) * found.seeds - rest / found.items
    return Variances(seed=max(seed, 0.0), item=float(found.item_variance) * found.items, rest=rest)


def power(difference: float, variances: Variances, design: Design) -> float:
    """Return how probable it is that the claim on items of the same kind is made.

    The seeds' estimated variance follows chi-squared with S - 1 degrees of freedom, the items' is
    taken as known; the test is `two_part_t`, so its critical value moves with the estimate.
    """
    return _claimed(difference, variances, design, _critical(variances, design))


def smallest_difference(variances: Variances, design: Design, *, wanted: float = 0.8) -> float:
    """Return the difference that is shown with the wanted power; above 1 nothing can be."""
    from scipy.optimize import root_scalar

    critical = _critical(variances, design)

    def lacking(difference: float) -> float:
        return wanted - _claimed(difference, variances, design, critical)

    high = 1e-6
    while lacking(high) > 0:
        high *= 2
    return float(root_scalar(lacking, bracket=(0.0, high), xtol=1e-7).root)


def cheapest(
    difference: float,
    variances: Variances,
    *,
    alpha: float,
    training: float,
    most_items: int,
    wanted: float = 0.8,
) -> Design | None:
    """Return the seeds and items that show the difference at the least cost; None if none do.

    A seed costs `training` plus one per item that is answered.
    """
    best, least = None, np.inf
    for seeds in range(LEAST_SEEDS, MOST_SEEDS + 1):
        if seeds * (training + 2) >= least:
            break  # whatever the items, more seeds cost more
        most = most_items if best is None else min(most_items, int(least / seeds - training))
        design = Design(seeds=seeds, items=most, alpha=alpha)
        if power(difference, variances, design) >= wanted:
            best = _fewest_items(difference, variances, design, wanted=wanted)
            least = best.seeds * (training + best.items)
    return best


def _fewest_items(
    difference: float, variances: Variances, enough: Design, *, wanted: float
) -> Design:
    """Return the design with the fewest items that still do; those of `enough` do."""
    few, many = 1, enough.items
    while many - few > 1:
        middle = (few + many) // 2
        if power(difference, variances, replace(enough, items=middle)) >= wanted:
            many = middle
        else:
            few = middle
    return replace(enough, items=many)


def _claimed(
    difference: float, variances: Variances, design: Design, critical: NDArray[np.float64]
) -> float:
    from scipy.stats import norm

    error = np.sqrt(sum(_of_mean(variances, design)))
    above = norm.sf((critical - difference) / error)
    return float(np.mean(above + norm.cdf((-critical - difference) / error)))


def _of_mean(variances: Variances, design: Design) -> tuple[float, float]:
    """Return the variance of the mean over new seeds, and what new items add."""
    by_seeds = (variances.seed + variances.rest / design.items) / design.seeds
    return by_seeds, variances.item / design.items


def _critical(variances: Variances, design: Design) -> NDArray[np.float64]:
    """Return the least mean that is claimed, for each of the estimates of the seeds' variance."""
    from scipy.stats import chi2

    by_seeds, by_items = _of_mean(variances, design)
    degrees = design.seeds - 1
    nodes = (np.arange(_NODES) + 0.5) / _NODES
    estimates = by_seeds * chi2.ppf(nodes, degrees) / degrees
    variance = estimates + by_items
    spread = Spread(
        error=np.sqrt(variance),
        seed_share=estimates / variance,
        seed_degrees=degrees,
        item_degrees=design.items - 1,
    )
    return half_width(spread, level=1 - design.alpha)
