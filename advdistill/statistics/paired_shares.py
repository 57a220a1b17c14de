"""The difference of two shares of the same items."""

from __future__ import annotations

from math import sqrt


def share_difference(
    only_first: int, only_second: int, items: int, *, level: float
) -> tuple[float, float]:
    """Return the interval of the share of the first minus that of the second, as shares.

    The adjusted Wald interval of Bonett and Price 2012: one item is added to either kind of
    disagreement.
    """
    from scipy.stats import norm

    first, second = (only_first + 1) / (items + 2), (only_second + 1) / (items + 2)
    middle = first - second
    error = sqrt((first + second - middle**2) / (items + 2))
    half = float(norm.isf((1 - level) / 2)) * error
    return max(middle - half, -1.0), min(middle + half, 1.0)
