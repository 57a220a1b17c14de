"""A test of paired differences that assumes only that either sign is as likely."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST = 6
"""Seeds; fewer cannot give a p-value below 0.05, which is at least 2 / 2^S."""
_MOST_EXACT = 4096
"""Arrangements, those of 12 seeds; beyond them as many are drawn."""


def sign_flip(differences_S: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the two-sided p-value of the mean over the last axis, among all choices of signs.

    Fisher 1935's randomisation test. Exact up to 12 seeds; beyond, 4,096 arrangements are drawn
    from a fixed seed and the observed one is counted in.
    """
    from scipy.stats import permutation_test

    found = permutation_test(
        (differences_S,),
        lambda x, axis: np.mean(x, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=_MOST_EXACT,
        axis=-1,
        rng=np.random.default_rng(0),
    )
    return np.asarray(found.pvalue)
