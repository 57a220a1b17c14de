from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from advdistill.errors import ConfigError, StageError
from advdistill.groups import Std, ZeroVariance
from advdistill.interfaces import RewardGroups
from advdistill.weighting.gdpo import GDPO
from tests.builders import binary, groups

NAN = float("nan")


def weighting(
    *,
    epsilon: float = 0.0,
    std: Std = Std.population,
    zero_variance: ZeroVariance = ZeroVariance.drop,
    **weights: float,
) -> GDPO:
    return GDPO(weights=weights, std=std, epsilon=epsilon, zero_variance=zero_variance)


def blended(correct: Sequence[Sequence[float]], short: Sequence[Sequence[float]]) -> RewardGroups:
    """Return a pool whose total is the sum of its two parts."""
    parts = {"correct": np.array(correct), "short": np.array(short)}
    total_PG = parts["correct"] + parts["short"]
    return replace(groups(*total_PG.tolist()), parts=parts)


@pytest.mark.parametrize(("right", "gain"), [(1, np.sqrt(7)), (4, 1.0), (7, 1 / np.sqrt(7))])
def test_a_verifier_of_one_rule_has_its_total_for_a_part(right: int, gain: float) -> None:
    found = weighting(correct=1.0).weigh(binary(right))[0]
    assert found == pytest.approx([gain] * right + [-1 / gain] * (8 - right))


def test_each_part_is_standardised_before_they_are_added() -> None:
    """The z-scores are (1, 1, -1, -1) and (1, -1, 1, -1), however small the second part's spread.

    With weights 1 and 0.5 they sum to (1.5, 0.5, -0.5, -1.5), of deviation sqrt(1.25).
    """
    pool = blended([[1, 1, 0, 0]], [[0.001, 0, 0.001, 0]])
    found = weighting(correct=1.0, short=0.5).weigh(pool)[0]
    assert found == pytest.approx(np.array([1.5, 0.5, -0.5, -1.5]) / np.sqrt(1.25))


def test_the_sum_is_standardised_over_the_pool() -> None:
    """The second part is flat in the second group: sums are +-2 and +-1, of deviation sqrt(2.5)."""
    pool = blended([[1, 0], [1, 0]], [[1, 0], [0, 0]])
    found_PG = weighting(correct=1.0, short=1.0).weigh(pool)
    assert found_PG == pytest.approx(np.array([[2, -2], [1, -1]]) / np.sqrt(2.5))
    by_sample_PG = weighting(std=Std.sample, correct=1.0, short=1.0).weigh(pool)
    assert by_sample_PG == pytest.approx(np.array([[2, -2], [1, -1]]) / np.sqrt(10 / 3))


def test_parts_that_cancel_in_the_total_are_still_told_apart() -> None:
    pool = blended([[1.0, 0.0]], [[0.0, 1.0]])
    assert weighting(correct=1.0, short=0.5).weigh(pool)[0] == pytest.approx([1, -1])


@pytest.mark.parametrize(
    ("policy", "wanted"), [(ZeroVariance.drop, 0), (ZeroVariance.absolute, 1.5)]
)
def test_a_group_is_flat_where_all_its_parts_are(policy: ZeroVariance, wanted: float) -> None:
    pool = blended([[1, 0], [1, 1]], [[0.5, 0.5], [0.5, 0.5]])
    found_PG = weighting(zero_variance=policy, correct=1.0, short=1.0).weigh(pool)
    assert found_PG[0, 0] > 0 > found_PG[0, 1]
    assert found_PG[1].tolist() == [wanted] * 2


def test_a_part_of_weight_zero_has_no_say() -> None:
    pool = blended([[1, 0, 1, 1]], [[0.1, 0.9, 0.5, 0.2]])
    alone = weighting(correct=1.0).weigh(groups([1, 0, 1, 1]))
    assert weighting(correct=1.0, short=0.0).weigh(pool) == pytest.approx(alone)
    flat = blended([[1, 1]], [[0.1, 0.9]])
    one = weighting(zero_variance=ZeroVariance.uniform, correct=1.0, short=0.0)
    assert one.weigh(flat).tolist() == [[1, 1]]


def test_an_answer_of_which_a_part_is_unknown_weighs_nothing_and_moves_no_mean() -> None:
    pool = replace(
        groups([1, 0, 1], [1, 1, 1]),
        parts={
            "correct": np.array([[1, 0, 1], [1, 1, 1.0]]),
            "short": np.array([[1, 0, NAN], [1, NAN, 1.0]]),
        },
    )
    one = weighting(zero_variance=ZeroVariance.uniform, correct=1.0, short=1.0)
    wanted = np.sqrt(2)
    assert one.weigh(pool) == pytest.approx(np.array([[wanted, -wanted, 0], [1, 0, 1]]))


@pytest.mark.parametrize(
    "weights",
    [{"correct": 1.0}, {"correct": 1.0, "short": 1.0, "layout": 1.0}, {"correct": 1.0, "shrt": 1}],
)
def test_names_that_are_not_those_of_the_parts_are_refused(weights: dict[str, float]) -> None:
    pool = blended([[1, 0]], [[0, 0]])
    with pytest.raises(StageError, match="the verifier's parts are correct, short; wanted"):
        weighting(**weights).weigh(pool)


@pytest.mark.parametrize(
    ("epsilon", "weight", "named"),
    [(-1, 1, "epsilon is -1"), (NAN, 1, "epsilon is nan"), (0, NAN, "weights.correct is nan")],
)
def test_ranges_are_checked(epsilon: float, weight: float, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        weighting(epsilon=epsilon, correct=weight)


def test_a_verifier_of_one_rule_needs_no_names() -> None:
    pool = groups([1.0, 0.0, 0.0, 0.0])
    named = replace(pool, parts={"number": pool.rewards_PG})
    one = weighting(correct=1.0, short=0.1)
    assert np.array_equal(one.weigh(named), one.weigh(pool))
