import numpy as np
import pytest

from advdistill.groups import ZeroVariance
from advdistill.weighting.rloo import LeaveOneOut
from tests.builders import binary, groups

NAN = float("nan")


@pytest.mark.parametrize(
    ("right", "gain", "loss"), [(1, 1, -1 / 7), (4, 4 / 7, -4 / 7), (7, 1 / 7, -1)]
)
def test_each_reward_stands_against_the_mean_of_the_seven_others(
    right: int, gain: float, loss: float
) -> None:
    found = LeaveOneOut(zero_variance=ZeroVariance.drop).weigh(binary(right))[0]
    assert found == pytest.approx([gain] * right + [loss] * (8 - right))


def test_others_are_the_known_ones() -> None:
    rewards = [0.3, NAN, -1.0, 2.0]
    found = LeaveOneOut(zero_variance=ZeroVariance.drop).weigh(groups(rewards))[0]
    wanted = [0.3 - 0.5, 0, -1.0 - 1.15, 2.0 + 0.35]
    assert found == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [(ZeroVariance.drop, 0), (ZeroVariance.formula, 0), (ZeroVariance.absolute, 1)],
)
def test_an_answer_without_others_follows_the_policy(policy: ZeroVariance, wanted: float) -> None:
    with np.errstate(all="raise"):
        found_PG = LeaveOneOut(zero_variance=policy).weigh(groups([1.0, NAN]))
    assert found_PG.tolist() == [[wanted, 0]]
