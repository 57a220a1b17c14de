"""Arithmetic inside groups of samples, for the weightings.

Axes: `P` prompts, `G` samples per prompt. Unknown rewards are NaN and are left out of every mean
and deviation.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from advdistill.interfaces import RewardGroups


class Std(StrEnum):
    """Which standard deviation divides the centred reward."""

    population = "population"
    sample = "sample"
    none = "none"
    """No division: Dr. GRPO, arXiv 2503.20783."""


class ZeroVariance(StrEnum):
    """What becomes of a group whose known rewards are all equal, so that no advantage exists."""

    drop = "drop"
    """Weight 0."""
    uniform = "uniform"
    """Weight 1, all-wrong groups included."""
    absolute = "absolute"
    """The reward itself: 1 where all are right, 0 where all are wrong."""


def mean_P1(rewards_PG: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the known rewards of each group, 0 where none is known."""
    known_PG = ~np.isnan(rewards_PG)
    count_P1 = known_PG.sum(1, keepdims=True)
    return np.where(known_PG, rewards_PG, 0.0).sum(1, keepdims=True) / np.maximum(count_P1, 1)


def deviation_P1(rewards_PG: NDArray[np.float64], std: Std) -> NDArray[np.float64]:
    """Return the standard deviation of the known rewards of each group; 1 for `Std.none`.

    A group of one known reward has deviation 0 under either definition.
    """
    known_PG = ~np.isnan(rewards_PG)
    count_P1 = known_PG.sum(1, keepdims=True)
    if std is Std.none:
        return np.ones(count_P1.shape)
    centred_PG = np.where(known_PG, rewards_PG - mean_P1(rewards_PG), 0.0)
    freedom_P1 = np.maximum(count_P1 - (std is Std.sample), 1)
    return np.sqrt((centred_PG**2).sum(1, keepdims=True) / freedom_P1)


def advantage_PG(
    rewards_PG: NDArray[np.float64], *, std: Std, epsilon: float
) -> NDArray[np.float64]:
    """Return (r - mean) / (std + epsilon) within each group; NaN stays NaN.

    The group-relative advantage of GRPO, arXiv 2402.03300, section 4.1.2 (outcome supervision).
    """
    divisor_P1 = deviation_P1(rewards_PG, std) + (0.0 if std is Std.none else epsilon)
    centred_PG = rewards_PG - mean_P1(rewards_PG)
    return centred_PG / np.where(divisor_P1 > 0, divisor_P1, 1.0)


def zero_variance_P1(rewards_PG: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return True for each group in which no two known rewards differ."""
    known_PG = ~np.isnan(rewards_PG)
    highest_P1 = np.where(known_PG, rewards_PG, -np.inf).max(1, keepdims=True)
    lowest_P1 = np.where(known_PG, rewards_PG, np.inf).min(1, keepdims=True)
    return highest_P1 <= lowest_P1


def settle_PG(
    weights_PG: NDArray[np.float64], groups: RewardGroups, policy: ZeroVariance
) -> NDArray[np.float64]:
    """Return the weights, groups of zero variance set by the policy and unknown samples at 0."""
    stand_in_PG = {
        ZeroVariance.drop: np.zeros_like(weights_PG),
        ZeroVariance.uniform: np.ones_like(weights_PG),
        ZeroVariance.absolute: groups.rewards_PG,
    }[policy]
    settled_PG = np.where(zero_variance_P1(groups.rewards_PG), stand_in_PG, weights_PG)
    return np.where(groups.known_PG, settled_PG, 0.0)
