import numpy as np
import pytest

from advdistill.errors import ConfigError
from advdistill.groups import Total, ZeroVariance
from advdistill.weighting.rwr import RewardWeightedRegression
from tests.builders import binary, groups

NAN = float("nan")


def weighting(
    beta: float = 1.0,
    *,
    zero_variance: ZeroVariance = ZeroVariance.absolute,
    total: Total = Total.samples,
) -> RewardWeightedRegression:
    return RewardWeightedRegression(beta=beta, zero_variance=zero_variance, total=total)


@pytest.mark.parametrize("beta", [0.5, 1.0])
@pytest.mark.parametrize("right", [1, 4, 7])
def test_a_right_answer_outweighs_a_wrong_one_by_the_exponential(right: int, beta: float) -> None:
    gain = np.exp(1 / beta)
    wrong_weight = 8 / (right * gain + 8 - right)
    wanted = [wrong_weight * gain] * right + [wrong_weight] * (8 - right)
    assert weighting(beta).weigh(binary(right))[0] == pytest.approx(wanted)
    assert weighting(beta, total=Total.one).weigh(binary(right)).sum() == pytest.approx(1)


def test_unlike_a_z_score_the_spread_of_the_rewards_counts() -> None:
    near, far = weighting().weigh(groups([0.1, 0.0], [1.0, 0.0]))
    assert near[0] / near[1] == pytest.approx(np.exp(0.1))
    assert far[0] / far[1] == pytest.approx(np.e)


@pytest.mark.parametrize(
    ("policy", "all_right", "all_wrong"),
    [
        (ZeroVariance.drop, 0, 0),
        (ZeroVariance.uniform, 1, 1),
        (ZeroVariance.absolute, 1, 0),
        (ZeroVariance.formula, 1, 1),
    ],
)
def test_a_group_without_variance_follows_the_policy(
    policy: ZeroVariance, all_right: float, all_wrong: float
) -> None:
    found_PG = weighting(zero_variance=policy).weigh(groups([1, 1], [0, NAN], [NAN]))
    assert found_PG.tolist() == [[all_right] * 2, [all_wrong, 0], [0, 0]]


def test_rewards_below_zero_give_no_negative_weight() -> None:
    assert weighting().weigh(groups([-2, -2])).tolist() == [[0, 0]]


@pytest.mark.parametrize("beta", [0, -1, NAN, float("inf")])
def test_the_range_is_checked(beta: float) -> None:
    with pytest.raises(ConfigError, match="wanted a finite number above 0"):
        weighting(beta)
