import numpy as np
import pytest

from advdistill.errors import ConfigError
from advdistill.groups import Std, ZeroVariance
from advdistill.weighting.advantage import Advantage
from tests.builders import binary, groups

NAN = float("nan")


def weighting(
    std: Std = Std.population,
    *,
    epsilon: float = 0.0,
    std_floor: float = 0.0,
    zero_variance: ZeroVariance = ZeroVariance.absolute,
) -> Advantage:
    return Advantage(std=std, std_floor=std_floor, epsilon=epsilon, zero_variance=zero_variance)


@pytest.mark.parametrize(
    ("right", "population", "sample", "total"),
    [
        (1, (2.646, -0.378), (2.475, -0.354), 2.646),
        (2, (1.732, -0.577), (1.620, -0.540), 3.464),
        (3, (1.291, -0.775), (1.208, -0.725), 3.873),
        (4, (1.000, -1.000), (0.935, -0.935), 4.000),
        (5, (0.775, -1.291), (0.725, -1.208), 3.873),
        (6, (0.577, -1.732), (0.540, -1.620), 3.464),
        (7, (0.378, -2.646), (0.354, -2.475), 2.646),
    ],
)
def test_advantages_of_eight_answers_are_those_of_the_reference_table(
    right: int, population: tuple[float, float], sample: tuple[float, float], total: float
) -> None:
    by_population = weighting().weigh(binary(right))[0]
    by_sample = weighting(Std.sample).weigh(binary(right))[0]
    assert (by_population[0], by_population[-1]) == pytest.approx(population, abs=5e-4)
    assert (by_sample[0], by_sample[-1]) == pytest.approx(sample, abs=5e-4)
    assert -by_population[right:].sum() == pytest.approx(total, abs=5e-4)


@pytest.mark.parametrize(("samples", "right"), [(8, 1), (8, 5), (4, 3), (5, 2), (64, 1), (2, 1)])
def test_the_closed_form_holds(samples: int, right: int) -> None:
    wrong = samples - right
    wanted = [np.sqrt(wrong / right)] * right + [-np.sqrt(right / wrong)] * wrong
    assert weighting().weigh(binary(right, samples))[0] == pytest.approx(wanted)
    shrunk = np.sqrt((samples - 1) / samples) * np.array(wanted)
    assert weighting(Std.sample).weigh(binary(right, samples))[0] == pytest.approx(shrunk)


def test_without_division_the_centred_reward_is_the_weight() -> None:
    found = weighting(Std.none, epsilon=1.0).weigh(groups([1.0, 0.0, 0.0, 0.0]))[0]
    assert found == pytest.approx([0.75, -0.25, -0.25, -0.25])


def test_epsilon_is_added_to_the_deviation() -> None:
    found = weighting(epsilon=0.5).weigh(groups([1.0, 0.0]))[0]
    assert found == pytest.approx([0.5, -0.5])


@pytest.mark.parametrize("rewards", [[0.0, 0.3, 1.0, 0.3], [-2.0, 5.0, NAN, 1e6]])
def test_the_weights_of_a_group_sum_to_zero(rewards: list[float]) -> None:
    assert weighting().weigh(groups(rewards)).sum() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("policy", "all_right", "all_wrong"),
    [
        (ZeroVariance.drop, 0.0, 0.0),
        (ZeroVariance.uniform, 1.0, 1.0),
        (ZeroVariance.absolute, 1.0, 0.0),
        (ZeroVariance.formula, 0.0, 0.0),
    ],
)
@pytest.mark.parametrize("epsilon", [0.0, 1e-4])
def test_a_group_without_variance_follows_the_policy(
    policy: ZeroVariance, all_right: float, all_wrong: float, epsilon: float
) -> None:
    one = weighting(epsilon=epsilon, zero_variance=policy)
    found_PG = one.weigh(groups([1.0] * 3, [0.0] * 3, [1.0, NAN], [NAN, NAN]))
    assert found_PG.tolist() == [
        [all_right] * 3,
        [all_wrong] * 3,
        [all_right, 0.0, 0.0],
        [0.0, 0.0, 0.0],
    ]


def test_equal_rewards_that_are_no_binary_fraction_have_no_variance() -> None:
    assert not weighting(zero_variance=ZeroVariance.drop).weigh(groups([0.1] * 7)).any()


def test_no_division_by_zero_is_warned_of(recwarn: pytest.WarningsRecorder) -> None:
    weighting().weigh(groups([1.0, 1.0], [NAN, NAN], [0.0]))
    assert not recwarn.list


@pytest.mark.parametrize("std", list(Std))
def test_unknown_and_absent_answers_weigh_nothing_and_move_no_mean(std: Std) -> None:
    alone = weighting(std).weigh(groups([1.0, 0.0, 0.0]))[0]
    beside = weighting(std).weigh(groups([1.0, NAN, 0.0, 0.0], [1.0, 0.0, 0.0]))
    assert beside[0] == pytest.approx([alone[0], 0.0, alone[1], alone[2]])
    assert beside[1] == pytest.approx([*alone, 0.0])


def test_lengths_beside_right_answers_stay_small_under_a_floor() -> None:
    """Eight right answers that differ in a length term alone."""
    rewards = groups([0.96, 0.95, 0.95, 0.95, 0.94, 0.94, 0.93, 0.92])
    assert np.abs(weighting().weigh(rewards)).max() > 1.8
    floored_PG = weighting(std_floor=0.5).weigh(rewards)
    assert floored_PG[0] == pytest.approx((rewards.rewards_PG[0] - 0.9425) / 0.5)
    assert np.abs(floored_PG).max() == pytest.approx(0.045)


@pytest.mark.parametrize(("epsilon", "floor"), [(-1e-9, 0), (NAN, 0), (0, -1), (0, NAN)])
def test_an_epsilon_or_floor_below_zero_is_refused(epsilon: float, floor: float) -> None:
    with pytest.raises(ConfigError, match=r"epsilon is .*; wanted 0 or more"):
        weighting(epsilon=epsilon, std_floor=floor)
