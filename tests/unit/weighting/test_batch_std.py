import numpy as np
import pytest

from advdistill.errors import ConfigError
from advdistill.groups import ZeroVariance
from advdistill.weighting.batch_std import BatchStd
from tests.builders import groups

NAN = float("nan")


def weighting(zero_variance: ZeroVariance = ZeroVariance.drop, *, epsilon: float = 0.0) -> BatchStd:
    return BatchStd(epsilon=epsilon, zero_variance=zero_variance)


def test_one_deviation_divides_every_group() -> None:
    """Twelve of twenty-four are right, so the deviation is 1/2 and every weight doubles."""
    pool = groups(*[[1.0] * right + [0.0] * (8 - right) for right in (1, 4, 7)])
    found_PG = weighting().weigh(pool)
    assert found_PG[:, 0] == pytest.approx([1.75, 1.0, 0.25])
    assert found_PG[:, -1] == pytest.approx([-0.25, -1.0, -1.75])


def test_unknown_rewards_have_no_say_in_the_deviation() -> None:
    found_PG = weighting().weigh(groups([2.0, 0.0, NAN], [NAN, NAN], [2.0, 0.0]))
    assert found_PG == pytest.approx(np.array([[1, -1, 0], [0, 0, 0], [1, -1, 0]]))


def test_groups_without_variance_widen_the_deviation_and_follow_the_policy() -> None:
    """The rewards 1, 0, 1, 1 have the deviation sqrt(3)/4."""
    pool = groups([1, 0], [1, 1])
    wanted = 0.5 / (np.sqrt(3) / 4)
    assert weighting().weigh(pool) == pytest.approx(np.array([[wanted, -wanted], [0, 0]]))
    assert weighting(ZeroVariance.absolute).weigh(pool)[1].tolist() == [1, 1]


def test_epsilon_is_added_to_the_deviation() -> None:
    assert weighting(epsilon=0.5).weigh(groups([1, 0]))[0] == pytest.approx([0.5, -0.5])


def test_a_pool_of_equal_rewards_divides_by_nothing() -> None:
    with np.errstate(all="raise"):
        assert not weighting().weigh(groups([0.1, 0.1], [0.1], [NAN])).any()


@pytest.mark.parametrize("epsilon", [-1e-9, NAN])
def test_an_epsilon_below_zero_is_refused(epsilon: float) -> None:
    with pytest.raises(ConfigError, match=r"epsilon is .*; wanted 0 or more"):
        weighting(epsilon=epsilon)
