import numpy as np
import pytest

from advdistill.errors import ConfigError
from advdistill.groups import Std, ZeroVariance
from advdistill.weighting.awr import AdvantageWeightedRegression
from tests.builders import binary, groups

NAN = float("nan")


def weighting(
    beta: float = 1.0,
    max_weight: float = 20.0,
    *,
    epsilon: float = 0.0,
    std_floor: float = 0.0,
    zero_variance: ZeroVariance = ZeroVariance.absolute,
) -> AdvantageWeightedRegression:
    return AdvantageWeightedRegression(
        beta=beta,
        max_weight=max_weight,
        std=Std.population,
        std_floor=std_floor,
        epsilon=epsilon,
        zero_variance=zero_variance,
    )


@pytest.mark.parametrize(("right", "gain"), [(1, np.sqrt(7)), (4, 1.0), (7, 1 / np.sqrt(7))])
def test_the_weights_of_eight_answers_are_exponentials_of_the_closed_form(
    right: int, gain: float
) -> None:
    wanted = [np.exp(gain)] * right + [np.exp(-1 / gain)] * (8 - right)
    assert weighting().weigh(binary(right))[0] == pytest.approx(wanted)


def test_a_larger_beta_brings_weights_together() -> None:
    assert weighting(2.0).weigh(binary(4))[0, 0] == pytest.approx(np.exp(0.5))


@pytest.mark.parametrize("max_weight", [20.0, 3.0])
def test_the_largest_weight_is_the_clip(max_weight: float) -> None:
    """One right answer of sixteen has the advantage sqrt(15), whose exponential is 48."""
    found = weighting(max_weight=max_weight).weigh(binary(1, 16))[0]
    assert found.max() == max_weight
    assert found[1] == pytest.approx(np.exp(-1 / np.sqrt(15)))


def test_a_beta_close_to_zero_overflows_nothing() -> None:
    with np.errstate(over="raise"):
        assert weighting(1e-3).weigh(groups([1.0, 0.0])).tolist() == [[20.0, 0.0]]


def test_a_floor_under_the_deviation_holds_weights_together() -> None:
    assert weighting(std_floor=1.0).weigh(groups([0.2, 0.0]))[0, 0] == pytest.approx(np.exp(0.1))


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        (ZeroVariance.drop, [0, 0, 0]),
        (ZeroVariance.uniform, [1, 1, 1]),
        (ZeroVariance.absolute, [1, 0, 0]),
        (ZeroVariance.formula, [1, 1, 1]),
    ],
)
def test_a_group_without_variance_follows_the_policy(
    policy: ZeroVariance, wanted: list[float]
) -> None:
    """All right, all wrong, and equal rewards below 0, which are no weight."""
    found_PG = weighting(zero_variance=policy).weigh(groups([1, 1], [0, 0], [-1, -1]))
    assert found_PG.tolist() == [[value] * 2 for value in wanted]


@pytest.mark.parametrize(
    ("beta", "max_weight", "epsilon", "floor", "named"),
    [
        (0, 20, 0, 0, "beta is 0"),
        (NAN, 20, 0, 0, "beta is nan"),
        (1, 0, 0, 0, "max_weight is 0"),
        (1, float("inf"), 0, 0, "max_weight is inf"),
        (1, 20, -1, 0, "epsilon -1"),
        (1, 20, 0, -1, "std_floor is -1"),
    ],
)
def test_ranges_are_checked(
    beta: float, max_weight: float, epsilon: float, floor: float, named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        weighting(beta, max_weight, epsilon=epsilon, std_floor=floor)
