import numpy as np
import pytest

from advdistill.health import health_of
from tests.builders import groups

NAN = float("nan")
REWARDS = groups([1, 0, NAN], [1, 1], [NAN, NAN], [0, 0.5])
WEIGHTS_PG = np.array([[3.0, -1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [-2.0, 2.0, 0.0]])


def test_counts_and_shares_are_those_worked_by_hand() -> None:
    health = health_of(REWARDS, WEIGHTS_PG)
    assert (health.positive, health.negative, health.zero) == (2, 2, 5)
    assert health.mixed_groups == 2 / 4
    assert health.effective_samples == pytest.approx(8**2 / (9 + 1 + 4 + 4))
    assert health.largest_share == 3 / 8
    assert health.negative_share == 3 / 8


def test_the_counts_sum_to_the_answers_there_are() -> None:
    health = health_of(REWARDS, WEIGHTS_PG)
    assert health.positive + health.negative + health.zero == REWARDS.present_PG.sum() == 9
    assert health.line(9).startswith("9 weights = 2 positive + 2 negative + 5 zero; 50% of the")


def test_equal_weights_have_as_many_effective_samples_as_answers() -> None:
    assert health_of(groups([1, 0, 1]), np.full((1, 3), 0.3)).effective_samples == pytest.approx(3)


def test_a_pool_without_any_weight_has_shares_of_zero() -> None:
    numbers = health_of(REWARDS, np.zeros((4, 3))).numbers()
    assert numbers == {
        "positive": 0.0,
        "negative": 0.0,
        "zero": 9.0,
        "mixed_groups": 0.5,
        "effective_samples": 0.0,
        "largest_share": 0.0,
        "negative_share": 0.0,
    }
