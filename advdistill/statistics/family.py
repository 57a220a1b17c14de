"""The p-values and intervals of a family of paired differences.

Axes: `M` members of the family; any axes may stand before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from advdistill.statistics.crossed import Array, Crossed
from advdistill.statistics.holm import holm
from advdistill.statistics.two_part_t import Spread, half_width, two_sided, within

Reach = Callable[[Crossed], Spread]
"""How far a claim goes: `over_seeds` or `over_seeds_and_items`."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """What the tests of the members gave, in shares."""

    mean_M: Array
    error_M: Array
    """Infinite where the seeds do not differ."""
    half_width_M: Array
    """Of the interval of one member alone."""
    p_value_M: Array
    p_holm_M: Array
    p_tost_M: Array
    p_tost_holm_M: Array


def family_of(found: Sequence[Crossed], reach: Reach, *, margin: float, level: float) -> Family:
    """Return the tests of every member, their p-values also adjusted by Holm.

    `margin` is the largest difference that counts as none, in shares; `level` is the error that
    is allowed, such as 0.05, and the intervals are of 1 - `level`.
    """
    spreads = [reach(one) for one in found]
    pairs = list(zip(found, spreads, strict=True))
    p_value_M = _stacked([two_sided(one.mean, spread) for one, spread in pairs])
    p_tost_M = _stacked([within(one.mean, spread, margin=margin) for one, spread in pairs])
    return Family(
        mean_M=_stacked([one.mean for one in found]),
        error_M=_stacked([spread.error for spread in spreads]),
        half_width_M=_stacked([half_width(spread, level=1 - level) for spread in spreads]),
        p_value_M=p_value_M,
        p_holm_M=holm(p_value_M),
        p_tost_M=p_tost_M,
        p_tost_holm_M=holm(p_tost_M),
    )


def _stacked(members: Sequence[Array]) -> Array:
    return np.stack([np.asarray(member, dtype=np.float64) for member in members], axis=-1)
