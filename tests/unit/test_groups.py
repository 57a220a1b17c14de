from dataclasses import replace

import numpy as np
import pytest

from advdistill.groups import (
    Std,
    Total,
    ZeroVariance,
    advantage_PG,
    centred_PG,
    deviation_P1,
    draws_PG,
    first_PG,
    mean_P1,
    right_PG,
    settle_PG,
    settle_shares_PG,
    settle_where_PG,
    shares_PG,
    wrong_PG,
    zero_variance_P1,
)
from advdistill.seeds import sample_seed
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


def test_centring_keeps_small_differences_of_large_rewards() -> None:
    step = np.spacing(1e6)
    found = centred_PG(np.array([[1e6, 1e6 + step, NAN, 1e6 + 2 * step, 1e6 + step]]))[0]
    assert found[[0, 1, 3, 4]].tolist() == [-step, 0, step, 0]
    assert np.isnan(found[2])


def test_the_advantage_of_an_unknown_reward_is_unknown() -> None:
    found = advantage_PG(np.array([[1.0, NAN, 0.0]]), std=Std.population, epsilon=0.0)
    assert np.isnan(found).tolist() == [[False, True, False]]


@pytest.mark.parametrize(
    ("floor", "epsilon", "wanted"), [(0, 0, 1), (0.5, 0, 1), (1, 0, 0.5), (2, 0.5, 0.2)]
)
def test_the_divisor_is_the_larger_of_deviation_and_floor_plus_epsilon(
    floor: float, epsilon: float, wanted: float
) -> None:
    found = advantage_PG(
        np.array([[1.0, 0.0]]), std=Std.population, epsilon=epsilon, std_floor=floor
    )
    assert found[0] == pytest.approx([wanted, -wanted])


def test_without_a_deviation_neither_floor_nor_epsilon_has_a_say() -> None:
    found = advantage_PG(np.array([[1.0, 0.0]]), std=Std.none, epsilon=1.0, std_floor=9.0)
    assert found.tolist() == [[0.5, -0.5]]


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
        ZeroVariance.formula: [[9, 9, 0], [9, 9, 0], [0, 9, 0]],
    }


def test_which_groups_are_flat_can_be_said_from_outside() -> None:
    flat_P1 = np.array([[True], [False]])
    found_PG = settle_where_PG(
        flat_P1, np.full((2, 2), 9.0), groups([1, 0], [1, 1]), ZeroVariance.drop
    )
    assert found_PG.tolist() == [[0, 0], [9, 9]]


def test_shares_are_a_softmax_of_the_known_scores() -> None:
    found_PG = shares_PG(np.array([[2.0, NAN, 0.0], [NAN, NAN, NAN], [-9.0, NAN, NAN]]), 2.0)
    assert found_PG[0] == pytest.approx([np.e / (np.e + 1), 0, 1 / (np.e + 1)])
    assert found_PG[1:].tolist() == [[0, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize(("total", "factor"), [(Total.samples, 1), (Total.one, 1 / 2)])
def test_shares_become_weights_of_the_asked_total_and_never_negative(
    total: Total, factor: float
) -> None:
    pool = groups([1, 0], [-3, -3], [0.5, 0.5])
    share_PG = np.array([[0.75, 0.25], [0.5, 0.5], [0.5, 0.5]])
    found_PG = settle_shares_PG(share_PG, pool, ZeroVariance.absolute, total)
    assert found_PG == pytest.approx(factor * np.array([[1.5, 0.5], [0, 0], [0.5, 0.5]]))


def test_right_and_wrong_go_by_the_verdict_and_leave_the_unknown_out() -> None:
    pool = groups([0.9, 1.1, NAN, 0.2])
    judged = replace(pool, passed_PG=np.array([[True, False, True, False]]))
    assert right_PG(judged).tolist() == [[True, False, False, False]]
    assert wrong_PG(judged).tolist() == [[False, True, False, True]]


def test_draws_are_the_seeds_of_prompt_and_sample() -> None:
    pool = replace(groups([1, 0], [1]), samples_PG=np.array([[4, 2], [7, -1]]))
    assert draws_PG(pool, 5)[:, 0].tolist() == [
        sample_seed(5, "p/train/0", 4),
        sample_seed(5, "p/train/1", 7),
    ]


def test_the_first_of_the_chosen_is_the_lowest_in_the_order() -> None:
    chosen_PG = np.array([[True, True, False], [False, False, False]])
    order_PG = np.array([[3, 2, 1], [1, 2, 3]])
    assert first_PG(chosen_PG, order_PG).tolist() == [[False, True, False], [False] * 3]
