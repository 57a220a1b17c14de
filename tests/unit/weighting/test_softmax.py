import numpy as np
import pytest

from advdistill.errors import ConfigError
from advdistill.groups import Std, Total, ZeroVariance
from advdistill.weighting.softmax import Softmax
from tests.builders import binary, groups

NAN = float("nan")


def weighting(
    temperature: float = 1.0,
    *,
    total: Total = Total.one,
    epsilon: float = 0.0,
    std_floor: float = 0.0,
    zero_variance: ZeroVariance = ZeroVariance.absolute,
) -> Softmax:
    return Softmax(
        temperature=temperature,
        std=Std.population,
        std_floor=std_floor,
        epsilon=epsilon,
        zero_variance=zero_variance,
        total=total,
    )


@pytest.mark.parametrize(
    ("right", "positive", "negative", "wrong_mass"),
    [
        (1, 0.7461, 0.0363, {1.0: 0.2539, 0.5: 0.0163, 2.0: 0.6068}),
        (2, 0.3852, 0.0383, {1.0: 0.2296, 0.5: 0.0287, 2.0: 0.4860}),
        (3, 0.2752, 0.0349, {1.0: 0.1744, 0.5: 0.0261, 2.0: 0.3724}),
        (4, 0.2202, 0.0298, {1.0: 0.1192, 0.5: 0.0180, 2.0: 0.2689}),
        (5, 0.1859, 0.0236, {1.0: 0.0707, 0.5: 0.0095, 2.0: 0.1760}),
        (6, 0.1613, 0.0160, {1.0: 0.0320, 0.5: 0.0033, 2.0: 0.0951}),
        (7, 0.1419, 0.0069, {1.0: 0.0069, 0.5: 0.0003, 2.0: 0.0305}),
    ],
)
def test_shares_of_eight_answers_are_those_of_the_reference_table(
    right: int, positive: float, negative: float, wrong_mass: dict[float, float]
) -> None:
    shares = weighting().weigh(binary(right))[0]
    assert (shares[0], shares[-1]) == pytest.approx((positive, negative), abs=5e-5)
    found = {t: weighting(t).weigh(binary(right))[0, right:].sum() for t in wrong_mass}
    assert found == pytest.approx(wrong_mass, abs=5e-5)


@pytest.mark.parametrize(
    ("right", "gap"), [(1, np.sqrt(7) + 1 / np.sqrt(7)), (4, 2.0), (7, np.sqrt(7) + 1 / np.sqrt(7))]
)
def test_the_example_worked_by_hand(right: int, gap: float) -> None:
    """With k of 8 right, right and wrong answers stand e^gap to one, and the weights sum to 8."""
    wrong_weight = 8 / (right * np.exp(gap) + 8 - right)
    wanted = [wrong_weight * np.exp(gap)] * right + [wrong_weight] * (8 - right)
    assert weighting(total=Total.samples).weigh(binary(right))[0] == pytest.approx(wanted)


def test_the_weights_of_each_prompt_sum_to_its_judged_answers_or_to_one() -> None:
    mixed = groups([1, 0, 0, 0, 1], [1, 0, NAN, 0], [0.2, 0.9], [1, 1, 1], [NAN, 0, 1])
    found_PG = weighting(total=Total.samples).weigh(mixed)
    assert found_PG.sum(1) == pytest.approx([5, 3, 2, 3, 2])
    assert weighting(total=Total.one).weigh(mixed).sum(1) == pytest.approx([1] * 5)


@pytest.mark.parametrize("total", list(Total))
def test_unknown_and_absent_answers_take_no_share(total: Total) -> None:
    found_PG = weighting(total=total).weigh(groups([1, NAN, 0, 0], [1, 0, 0]))
    alone = weighting(total=total).weigh(groups([1, 0, 0]))[0]
    assert found_PG[0] == pytest.approx([alone[0], 0, alone[1], alone[2]])
    assert found_PG[1] == pytest.approx([*alone, 0])


@pytest.mark.parametrize(
    ("policy", "all_right", "all_wrong"),
    [
        (ZeroVariance.drop, 0.0, 0.0),
        (ZeroVariance.uniform, 1.0, 1.0),
        (ZeroVariance.absolute, 1.0, 0.0),
        (ZeroVariance.formula, 1.0, 1.0),
    ],
)
@pytest.mark.parametrize("epsilon", [0.0, 1e-4])
def test_a_group_without_variance_follows_the_policy(
    policy: ZeroVariance, all_right: float, all_wrong: float, epsilon: float
) -> None:
    rewards = groups([1.0] * 4, [0.0] * 4, [0.0, NAN, 0.0], [NAN])
    by_samples = weighting(total=Total.samples, zero_variance=policy, epsilon=epsilon)
    assert by_samples.weigh(rewards).tolist() == [
        [all_right] * 4,
        [all_wrong] * 4,
        [all_wrong, 0.0, all_wrong, 0.0],
        [0.0] * 4,
    ]
    by_one = weighting(total=Total.one, zero_variance=policy, epsilon=epsilon)
    assert by_one.weigh(rewards).sum(1).tolist() == [all_right, all_wrong, all_wrong, 0.0]


def test_a_low_temperature_takes_the_best_answers_alone() -> None:
    found = weighting(1e-3).weigh(groups([0.1, 0.7, 0.7, 0.2]))[0]
    assert found == pytest.approx([0, 0.5, 0.5, 0])


def test_a_high_temperature_weighs_all_alike() -> None:
    assert weighting(1e9).weigh(groups([0.1, 0.7, 0.7, 0.2]))[0] == pytest.approx([0.25] * 4)


def test_no_division_by_zero_is_warned_of(recwarn: pytest.WarningsRecorder) -> None:
    weighting().weigh(groups([1.0, 1.0], [NAN, NAN], [0.0], [1.0, 0.0]))
    assert not recwarn.list


def test_a_floor_under_the_deviation_holds_weights_together() -> None:
    found = weighting(std_floor=1.0).weigh(groups([0.2, 0.0]))[0]
    assert found[0] / found[1] == pytest.approx(np.exp(0.2))


def test_no_temperature_overflows() -> None:
    assert weighting(1e-300).weigh(groups([1e6, 0.0, 0.5])).tolist() == [[1, 0, 0]]


def test_a_group_of_equal_rewards_below_zero_has_no_negative_weight() -> None:
    assert not weighting().weigh(groups([-1.0, -1.0])).any()


@pytest.mark.parametrize(
    ("temperature", "epsilon", "floor"),
    [(0, 0, 0), (-1, 0, 0), (NAN, 0, 0), (1, -1, 0), (1, NAN, 0), (1, 0, -1)],
)
def test_ranges_are_checked(temperature: float, epsilon: float, floor: float) -> None:
    with pytest.raises(ConfigError, match="wanted temperature above 0 and the others 0 or more"):
        weighting(temperature, epsilon=epsilon, std_floor=floor)
