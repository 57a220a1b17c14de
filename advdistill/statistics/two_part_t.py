"""Tests of a mean whose variance has a part known from few seeds and one known from many items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from advdistill.statistics.crossed import EQUAL, Array, Crossed


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The standard error of a mean, and what it was estimated from."""

    error: Array
    """Infinite where the seeds do not differ, so that nothing is known of another seed."""
    seed_share: Array
    """Of the error's square; the rest comes from the items."""
    seed_degrees: int
    item_degrees: int


def over_seeds(found: Crossed) -> Spread:
    """Return the error over new seeds on these very items: that of the paired t test."""
    return _spread(found, np.zeros_like(found.mean))


def over_seeds_and_items(found: Crossed) -> Spread:
    """Return the error over new seeds and new items of the same kind."""
    return _spread(found, found.item_variance)


def two_sided(mean: Array, spread: Spread) -> Array:
    """Return the p-value of the hypothesis that the mean is 0."""
    return np.minimum(2 * tail(np.abs(mean) / spread.error, spread), 1.0)


def within(mean: Array, spread: Spread, *, margin: float) -> Array:
    """Return the p-value of the hypothesis that the mean is `margin` or more away from 0.

    Two one-sided tests, Schuirmann 1987: the larger of the two p-values.
    """
    return tail((margin - np.abs(mean)) / spread.error, spread)


def half_width(spread: Spread, *, level: float) -> Array:
    """Return half the width of the interval that a two-sided test of 1 - `level` does not refuse.

    Infinite where the error is.
    """
    from scipy.optimize.elementwise import find_root
    from scipy.stats import t as student

    wanted = (1 - level) / 2

    def excess(t: Array, share: Array) -> Array:
        return _tail(t, share, spread) - wanted

    share = np.asarray(spread.seed_share, dtype=np.float64)
    ends = student.isf(wanted, [spread.seed_degrees, spread.item_degrees])
    low, high = np.full_like(share, 0.999 * ends.min()), np.full_like(share, 1.001 * ends.max())
    return find_root(excess, (low, high), args=(share,)).x * spread.error


def tail(t: Array, spread: Spread) -> Array:
    """Return how probable a ratio of mean and error above `t` is.

    With the seeds' variance alone it is Student's with S - 1 degrees of freedom, with the items'
    alone Student's with I - 1. Reconstruction: between them it is the mean of the two tails, each
    weighted by its share of the variance, as Cochran 1964 does with the critical values. Welch's
    and Satterthwaite's degrees of freedom claim too often here: 7.8 % instead of 5 % and 3.5 %
    instead of 1 % at three seeds (`docs/comparing.md`).
    """
    return _tail(t, spread.seed_share, spread)


def _tail(t: Array, seed_share: Array, spread: Spread) -> Array:
    from scipy.stats import t as student

    by_seeds = student.sf(t, spread.seed_degrees)
    by_items = student.sf(t, spread.item_degrees)
    return seed_share * by_seeds + (1 - seed_share) * by_items


def _spread(found: Crossed, item_variance: Array) -> Spread:
    equal = found.seed_variance <= EQUAL**2
    variance = found.seed_variance + item_variance
    return Spread(
        error=np.where(equal, np.inf, np.sqrt(variance)),
        seed_share=np.where(equal, 1.0, found.seed_variance / np.where(equal, 1.0, variance)),
        seed_degrees=found.seeds - 1,
        item_degrees=found.items - 1,
    )
