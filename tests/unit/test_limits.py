from dataclasses import replace

import numpy as np
import pytest

from advdistill.errors import ConfigError, StageError
from advdistill.health import Health, health_of
from advdistill.limits import Limits
from tests.builders import groups, options
from tests.contract.components import component

NONE = Limits(
    min_effective_share=None,
    max_weight_share=None,
    max_negative_share=None,
    max_length_correlation=None,
    min_mixed_groups=None,
)
NUMBERS = {
    "positive": 6.0,
    "negative": 2.0,
    "zero": 1.0,
    "effective_share": 0.25,
    "largest_share": 0.4,
    "negative_share": 0.3,
    "length_correlation": -0.6,
    "mixed_groups": 0.5,
    "all_right_groups": 0.3,
    "all_wrong_groups": 0.2,
}


@pytest.mark.parametrize(
    ("name", "kept", "broken", "found"),
    [
        ("min_effective_share", 0.25, 0.26, "is 0.25; wanted at least 0.26"),
        ("max_weight_share", 0.4, 0.39, "is 0.4; wanted at most 0.39"),
        ("max_negative_share", 0.3, 0.29, "is 0.3; wanted at most 0.29"),
        ("max_length_correlation", 0.6, 0.59, "is -0.6; wanted at most 0.59"),
        ("min_mixed_groups", 0.5, 0.51, "is 0.5; wanted at least 0.51"),
    ],
)
def test_a_limit_that_is_not_kept_is_told_with_its_remedy(
    name: str, kept: float, broken: float, found: str
) -> None:
    NONE.check(NUMBERS)
    replace(NONE, **{name: kept}).check(NUMBERS)
    with pytest.raises(StageError) as caught:
        replace(NONE, **{name: broken}).check(NUMBERS)
    assert found in str(caught.value)
    assert str(caught.value).startswith("stage 'weigh': the ")
    assert str(caught.value).endswith(f", or change limits.{name}")


def test_weights_that_are_all_zero_always_stop() -> None:
    numbers = health_of(groups([0, 0], [1, 1]), np.zeros((2, 2))).numbers()
    with pytest.raises(
        StageError, match=r"none of 4 answers has a weight \(0% of the groups mixed"
    ):
        NONE.check(numbers)


def test_weights_of_one_sign_are_not_all_zero() -> None:
    for weights in ([[-1, -1]], [[0, 1]]):
        NONE.check(health_of(groups([0, 1]), np.array(weights, dtype=float)).numbers())


def test_what_is_unknown_breaks_no_limit() -> None:
    numbers = health_of(groups([1, 0], [1, 1]), np.ones((2, 2))).numbers()
    assert "length_correlation" not in numbers
    replace(NONE, max_length_correlation=0.0).check(numbers)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
@pytest.mark.parametrize("name", Limits.__dataclass_fields__)
def test_a_limit_out_of_range_is_named(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"limits: {name} is {value}; wanted a number from 0"):
        replace(NONE, **{name: value})


@pytest.mark.parametrize("option", options("limits"))
def test_every_option_lets_equal_weights_pass(option: str) -> None:
    pool = groups(*[[1, 0, 1, 1]] * 20)
    component("limits", option).check(health_of(pool, np.ones((20, 4))).numbers())


def test_every_limit_bounds_a_number_that_health_reports() -> None:
    numbers = {*Health.__dataclass_fields__}
    assert {*NUMBERS} <= numbers
