import pytest

from advdistill.errors import ConfigError
from advdistill.weighting.correct_only import CorrectOnly
from tests.builders import groups

NAN = float("nan")


@pytest.mark.parametrize(
    ("threshold", "wanted"),
    [
        (1.0, [[1, 0, 0], [0, 1, 0], [0, 0, 0]]),
        (0.5, [[1, 0, 1], [0, 1, 0], [0, 0, 0]]),
        (-1.0, [[1, 1, 1], [0, 1, 0], [1, 0, 0]]),
    ],
)
def test_known_rewards_that_reach_the_threshold_weigh_one(
    threshold: float, wanted: list[list[int]]
) -> None:
    rewards = groups([1, 0, 0.5], [NAN, 1], [0])
    assert CorrectOnly(threshold=threshold).weigh(rewards).tolist() == wanted


@pytest.mark.parametrize("threshold", [NAN, float("inf")])
def test_a_threshold_that_nothing_reaches_is_refused(threshold: float) -> None:
    with pytest.raises(ConfigError, match=r"threshold is .*; wanted a finite number"):
        CorrectOnly(threshold=threshold)
