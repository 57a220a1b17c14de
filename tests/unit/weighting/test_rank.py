import numpy as np
import pytest
from scipy.stats import rankdata

from advdistill.groups import ZeroVariance
from advdistill.weighting.rank import Rank
from tests.builders import binary, groups

NAN = float("nan")
DROP = Rank(zero_variance=ZeroVariance.drop)


@pytest.mark.parametrize(
    ("rewards", "wanted"),
    [
        ([0.0, 9.0, 0.1], [-1, 1, 0]),
        ([5.0, 1e6, 5.0, 5.1, -3.0], [-1 / 4, 1, -1 / 4, 1 / 2, -1]),
        ([0.2, NAN, 0.1], [1, 0, -1]),
    ],
)
def test_weights_are_places_not_distances(rewards: list[float], wanted: list[float]) -> None:
    assert DROP.weigh(groups(rewards))[0] == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("right", "gain", "loss"), [(1, 1, -1 / 7), (4, 4 / 7, -4 / 7), (7, 1 / 7, -1)]
)
def test_ties_share_their_mean_rank(right: int, gain: float, loss: float) -> None:
    assert DROP.weigh(binary(right))[0] == pytest.approx([gain] * right + [loss] * (8 - right))


def test_weights_are_the_centred_ranks_of_scipy() -> None:
    rewards = np.random.default_rng(0).choice([0.0, 0.1, 0.5, 1.0], 9)
    wanted = 2 * (rankdata(rewards) - 1) / 8 - 1
    assert DROP.weigh(groups(rewards.tolist()))[0] == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        (ZeroVariance.drop, 0),
        (ZeroVariance.uniform, 1),
        (ZeroVariance.absolute, 0.4),
        (ZeroVariance.formula, 0),
    ],
)
def test_a_group_without_variance_follows_the_policy(policy: ZeroVariance, wanted: float) -> None:
    found_PG = Rank(zero_variance=policy).weigh(groups([0.4, 0.4], [0.4], [NAN]))
    assert found_PG.tolist() == [[wanted, wanted], [wanted, 0], [0, 0]]
