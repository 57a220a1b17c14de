"""P-values adjusted for a family of tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def holm(p_values_M: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Holm's step-down adjusted p-values over the last axis, in the given order.

    Holm 1979: the i-th smallest of M is multiplied by M - i + 1, and no smaller p-value may end
    above a larger one. Whatever the dependence, the family's error is held.
    """
    M = p_values_M.shape[-1]
    order_M = p_values_M.argsort(-1)
    scaled_M = np.take_along_axis(p_values_M, order_M, -1) * np.arange(M, 0, -1)
    adjusted_M = np.minimum(np.maximum.accumulate(scaled_M, -1), 1.0)
    found_M = np.empty_like(adjusted_M)
    np.put_along_axis(found_M, order_M, adjusted_M, -1)
    return found_M
