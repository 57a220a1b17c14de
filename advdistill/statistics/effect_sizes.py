"""Differences on scales that do not depend on how many seeds or items there are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advdistill.statistics.crossed import EQUAL


def cohen_h(first: float, second: float) -> float:
    """Return Cohen's h of two shares, 2 asin √p - 2 asin √q (Cohen 1988, section 6.2)."""
    return float(2 * np.arcsin(np.sqrt(first)) - 2 * np.arcsin(np.sqrt(second)))


def d_z(differences: NDArray[np.float64]) -> float | None:
    """Return the mean of paired differences over their standard deviation; None if all are equal.

    Cohen 1988, section 2.3.5; the deviation has n - 1 below.
    """
    deviation = float(differences.std(ddof=1))
    return None if deviation <= EQUAL else float(differences.mean()) / deviation
