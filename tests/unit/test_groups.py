import numpy as np
import pytest

from advdistill.groups import (
    Std,
    ZeroVariance,
    advantage_PG,
    deviation_P1,
    mean_P1,
    settle_PG,
    zero_variance_P1,
)
from tests.builders import groups

NAN = float("nan")


def test_unknown_rewards_are_left_out_of_mean_and_deviation() -> None:
    rewards_PG = np.array([[1, NAN, 3, NAN], [NAN, NAN, NAN, NAN], [5, NAN, NAN, NAN]])
    assert mean_P1(rewards_PG).tolist() == [[2], [0], [5]]
    assert deviation_P1(rewards_PG, Std.population).tolist() == [[1], [0], [0]]
    assert deviation_P1(rewards_PG, Std.sample).ravel() == pytest.approx([np.sqrt(2), 0, 0])
    assert deviation_P1(rewards_PG, Std.none).tolist() == [[1], [1], [1]]


@pytest.mark.parametrize(("std", "freedom"), [(Std.population, 0), (Std.sample, 1)])
def test_deviations_are_those_of_numpy(std: Std, freedom: int) -> None:
    rewards_PG = np.random.default_rng(0).normal(size=(5, 7))
    wanted_P1 = rewards_PG.std(1, ddof=freedom, keepdims=True)
    assert deviation_P1(rewards_PG, std) == pytest.approx(wanted_P1)


def test_the_advantage_of_an_unknown_reward_is_unknown() -> None:
    found = advantage_PG(np.array([[1.0, NAN, 0.0]]), std=Std.population, epsilon=0.0)
    assert np.isnan(found).tolist() == [[False, True, False]]


@pytest.mark.parametrize(
    ("rewards", "wanted"),
    [
        ([0.1, 0.1, 0.1], True),
        ([0.1, NAN], True),
        ([NAN, NAN], True),
        ([0.1, np.nextafter(0.1, 1)], False),
        ([0.0, -0.0], True),
    ],
)
def test_variance_is_zero_where_no_two_known_rewards_differ(
    rewards: list[float], wanted: bool
) -> None:
    assert zero_variance_P1(np.array([rewards])).item() is wanted


def test_only_groups_without_variance_are_settled_by_the_policy() -> None:
    rewards = groups([1, 0, NAN], [0.4, 0.4], [NAN, 1])
    weights_PG = np.full((3, 3), 9.0)
    settled = {policy: settle_PG(weights_PG, rewards, policy).tolist() for policy in ZeroVariance}
    assert settled == {
        ZeroVariance.drop: [[9, 9, 0], [0, 0, 0], [0, 0, 0]],
        ZeroVariance.uniform: [[9, 9, 0], [1, 1, 0], [0, 1, 0]],
        ZeroVariance.absolute: [[9, 9, 0], [0.4, 0.4, 0], [0, 1, 0]],
    }
