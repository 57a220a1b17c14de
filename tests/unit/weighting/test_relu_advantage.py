import numpy as np
import pytest

from advdistill.errors import ConfigError
from advdistill.groups import Std, ZeroVariance
from advdistill.weighting.relu_advantage import ReluAdvantage
from tests.builders import binary, groups

NAN = float("nan")


def weighting(
    zero_variance: ZeroVariance = ZeroVariance.absolute,
    *,
    epsilon: float = 0.0,
    std_floor: float = 0.0,
) -> ReluAdvantage:
    return ReluAdvantage(
        std=Std.population, std_floor=std_floor, epsilon=epsilon, zero_variance=zero_variance
    )


@pytest.mark.parametrize(("right", "gain"), [(1, np.sqrt(7)), (4, 1.0), (7, 1 / np.sqrt(7))])
def test_right_answers_keep_their_advantage_and_wrong_ones_have_none(
    right: int, gain: float
) -> None:
    found = weighting().weigh(binary(right))[0]
    assert found == pytest.approx([gain] * right + [0] * (8 - right))


def test_an_answer_at_the_mean_weighs_nothing() -> None:
    found = weighting().weigh(groups([1.0, 0.5, 0.0]))[0]
    assert found == pytest.approx([np.sqrt(1.5), 0, 0])


def test_a_floor_under_the_deviation_holds_weights_small() -> None:
    assert weighting(std_floor=1.0).weigh(groups([0.2, 0.0]))[0] == pytest.approx([0.1, 0])


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        (ZeroVariance.drop, [0, 0, 0]),
        (ZeroVariance.uniform, [1, 1, 1]),
        (ZeroVariance.absolute, [1, 0, 0]),
        (ZeroVariance.formula, [0, 0, 0]),
    ],
)
def test_a_group_without_variance_follows_the_policy(
    policy: ZeroVariance, wanted: list[float]
) -> None:
    """All right, all wrong, and equal rewards below 0, which are no weight."""
    found_PG = weighting(policy).weigh(groups([1, 1], [0, 0], [-1, -1]))
    assert found_PG.tolist() == [[value] * 2 for value in wanted]


@pytest.mark.parametrize(("epsilon", "floor"), [(-1, 0), (0, -1), (NAN, 0)])
def test_ranges_are_checked(epsilon: float, floor: float) -> None:
    with pytest.raises(ConfigError, match="wanted 0 or more"):
        weighting(epsilon=epsilon, std_floor=floor)
