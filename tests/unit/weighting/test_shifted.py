import pytest

from advdistill.errors import ConfigError
from advdistill.groups import ZeroVariance
from advdistill.weighting.shifted import Shifted
from tests.builders import binary, groups

NAN = float("nan")


@pytest.mark.parametrize(
    ("right", "gain", "loss"), [(1, 0.975, -0.025), (4, 0.6, -0.4), (7, 0.225, -0.775)]
)
def test_the_baseline_lies_a_tenth_below_the_mean(right: int, gain: float, loss: float) -> None:
    found = Shifted(delta=-0.1, zero_variance=ZeroVariance.formula).weigh(binary(right))[0]
    assert found == pytest.approx([gain] * right + [loss] * (8 - right))


def test_a_low_enough_baseline_leaves_no_weight_negative() -> None:
    found = Shifted(delta=-1.0, zero_variance=ZeroVariance.drop).weigh(groups([1, 0, 0]))
    assert found[0] == pytest.approx([5 / 3, 2 / 3, 2 / 3])


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        (ZeroVariance.formula, [0.1, 0.1]),
        (ZeroVariance.drop, [0, 0]),
        (ZeroVariance.uniform, [1, 1]),
        (ZeroVariance.absolute, [1, 0]),
    ],
)
def test_a_group_without_variance_weighs_the_shift_or_follows_the_policy(
    policy: ZeroVariance, wanted: list[float]
) -> None:
    found_PG = Shifted(delta=-0.1, zero_variance=policy).weigh(groups([1, 1], [0, NAN]))
    assert found_PG.tolist() == [[wanted[0]] * 2, [wanted[1], 0]]


@pytest.mark.parametrize("delta", [NAN, float("-inf")])
def test_a_delta_that_is_no_number_is_refused(delta: float) -> None:
    with pytest.raises(ConfigError, match="wanted a finite number"):
        Shifted(delta=delta, zero_variance=ZeroVariance.drop)
