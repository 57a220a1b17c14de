"""Arithmetic inside groups of samples, for the weightings.

Axes: `P` prompts, `G` samples per prompt. Unknown rewards are NaN and are left out of every mean
and deviation.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from advdistill.interfaces import RewardGroups
from advdistill.seeds import sample_seed


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
    formula = "formula"
    """Whatever the formula gives where every advantage is 0."""


class Total(StrEnum):
    """What the weights of one prompt sum to."""

    one = "one"
    samples = "samples"
    """The number of its judged answers, so that the loss has the scale of `uniform`."""


def mean_P1(rewards_PG: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the known rewards of each group, 0 where none is known."""
    known_PG = ~np.isnan(rewards_PG)
    count_P1 = known_PG.sum(1, keepdims=True)
    return np.where(known_PG, rewards_PG, 0.0).sum(1, keepdims=True) / np.maximum(count_P1, 1)


def centred_PG(rewards_PG: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return r - mean within each group; NaN stays NaN."""
    lowest_P1 = np.where(np.isnan(rewards_PG), np.inf, rewards_PG).min(
        1, keepdims=True, initial=np.inf
    )
    # taken from the lowest on, so that small differences of large rewards are not rounded away
    above_PG = rewards_PG - np.where(np.isinf(lowest_P1), 0.0, lowest_P1)
    return above_PG - mean_P1(above_PG)


def deviation_P1(rewards_PG: NDArray[np.float64], std: Std) -> NDArray[np.float64]:
    """Return the standard deviation of the known rewards of each group; 1 for `Std.none`.

    A group of one known reward has deviation 0 under either definition.
    """
    known_PG = ~np.isnan(rewards_PG)
    count_P1 = known_PG.sum(1, keepdims=True)
    if std is Std.none:
        return np.ones(count_P1.shape)
    squares_PG = np.where(known_PG, centred_PG(rewards_PG) ** 2, 0.0)
    freedom_P1 = np.maximum(count_P1 - (std is Std.sample), 1)
    return np.sqrt(squares_PG.sum(1, keepdims=True) / freedom_P1)


def advantage_PG(
    rewards_PG: NDArray[np.float64], *, std: Std, epsilon: float, std_floor: float = 0.0
) -> NDArray[np.float64]:
    """Return (r - mean) / (max(std, std_floor) + epsilon) within each group; NaN stays NaN.

    The group-relative advantage of GRPO, arXiv 2402.03300, section 4.1.2 (outcome supervision).
    With `Std.none` neither the floor nor epsilon has a say.
    """
    if std is Std.none:
        return centred_PG(rewards_PG)
    divisor_P1 = np.maximum(deviation_P1(rewards_PG, std), std_floor) + epsilon
    return centred_PG(rewards_PG) / np.where(divisor_P1 > 0, divisor_P1, 1.0)


def zero_variance_P1(rewards_PG: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return True for each group in which no two known rewards differ."""
    known_PG = ~np.isnan(rewards_PG)
    highest_P1 = np.where(known_PG, rewards_PG, -np.inf).max(1, keepdims=True, initial=-np.inf)
    lowest_P1 = np.where(known_PG, rewards_PG, np.inf).min(1, keepdims=True, initial=np.inf)
    return highest_P1 <= lowest_P1


def settle_PG(
    weights_PG: NDArray[np.float64], groups: RewardGroups, policy: ZeroVariance
) -> NDArray[np.float64]:
    """Return the weights, groups of zero variance set by the policy and unknown samples at 0."""
    return settle_where_PG(zero_variance_P1(groups.rewards_PG), weights_PG, groups, policy)


def settle_where_PG(
    flat_P1: NDArray[np.bool_],
    weights_PG: NDArray[np.float64],
    groups: RewardGroups,
    policy: ZeroVariance,
) -> NDArray[np.float64]:
    """Return the weights, the flat groups set by the policy and unknown samples at 0."""
    stand_in_PG = {
        ZeroVariance.drop: np.zeros_like(weights_PG),
        ZeroVariance.uniform: np.ones_like(weights_PG),
        ZeroVariance.absolute: groups.rewards_PG,
        ZeroVariance.formula: weights_PG,
    }[policy]
    return np.where(groups.known_PG, np.where(flat_P1, stand_in_PG, weights_PG), 0.0)


def shares_PG(scores_PG: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return softmax(score / temperature) within each group; 0 where the score is NaN."""
    known_PG = ~np.isnan(scores_PG)
    finite_PG = np.where(known_PG, scores_PG, -np.inf)
    top_P1 = finite_PG.max(1, keepdims=True, initial=-np.inf)
    # the largest is taken off before the division, so that no temperature overflows
    mass_PG = np.exp((finite_PG - np.where(np.isinf(top_P1), 0.0, top_P1)) / temperature)
    return mass_PG / np.maximum(mass_PG.sum(1, keepdims=True), 1.0)


def settle_shares_PG(
    share_PG: NDArray[np.float64], groups: RewardGroups, policy: ZeroVariance, total: Total
) -> NDArray[np.float64]:
    """Return the shares settled as weights of that total, none below 0."""
    count_P1 = groups.known_PG.sum(1, keepdims=True)
    # a reward below 0, which `absolute` would give, is no share
    weights_PG = np.maximum(settle_PG(share_PG * count_P1, groups, policy), 0.0)
    return weights_PG if total is Total.samples else weights_PG / np.maximum(count_P1, 1)


def right_PG(groups: RewardGroups) -> NDArray[np.bool_]:
    """Return True for each known answer that the verifier passed."""
    return groups.known_PG & groups.passed_PG


def wrong_PG(groups: RewardGroups) -> NDArray[np.bool_]:
    """Return True for each known answer that the verifier did not pass."""
    return groups.known_PG & ~groups.passed_PG


def draws_PG(groups: RewardGroups, seed: int) -> NDArray[np.int64]:
    """Return a number drawn for each sample by the hash of (seed, prompt_id, sample)."""
    rows = zip(groups.prompt_ids, groups.samples_PG, strict=True)
    draws = (
        sample_seed(seed, prompt_id, sample) for prompt_id, row in rows for sample in row.tolist()
    )
    return np.fromiter(draws, np.int64, groups.samples_PG.size).reshape(groups.samples_PG.shape)


def first_PG(chosen_PG: NDArray[np.bool_], order_PG: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return True for the one chosen sample of each group that comes first in the order."""
    last = np.int64(np.iinfo(np.int64).max)
    first_P1 = np.where(chosen_PG, order_PG, last).min(1, keepdims=True, initial=last)
    return chosen_PG & (order_PG == first_P1)
