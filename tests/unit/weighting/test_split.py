from dataclasses import replace

import numpy as np
import pytest

from advdistill.errors import ConfigError
from advdistill.weighting.correct_only import CorrectOnly
from advdistill.weighting.split import Split
from tests.builders import binary, groups

NAN = float("nan")


@pytest.mark.parametrize("given", [(1.0, 0.0), (0.0, 1.0), (0.1, 1.0)])
@pytest.mark.parametrize("right", [1, 4, 7])
def test_each_side_has_its_weight(given: tuple[float, float], right: int) -> None:
    found = Split(right=given[0], wrong=given[1]).weigh(binary(right))[0]
    assert found == pytest.approx([given[0]] * right + [-given[1]] * (8 - right))


def test_sides_go_by_the_verdict_and_unknown_answers_have_none() -> None:
    pool = replace(groups([0.9, 1.5, NAN]), passed_PG=np.array([[True, False, True]]))
    assert Split(right=2.0, wrong=3.0).weigh(pool).tolist() == [[2, -3, 0]]


def test_the_positive_side_alone_is_correct_only() -> None:
    pool = groups([1, 0, NAN, 1], [0, 0], [1])
    wanted_PG = CorrectOnly(distinct=False).weigh(pool)
    assert np.array_equal(Split(right=1.0, wrong=0.0).weigh(pool), wanted_PG)


@pytest.mark.parametrize(("wrong", "signed"), [(0.0, False), (0.1, True)])
def test_without_a_weight_for_wrong_answers_none_is_negative(wrong: float, signed: bool) -> None:
    assert Split(right=1.0, wrong=wrong).signed is signed


@pytest.mark.parametrize("given", [(-1, 0), (0, -1), (NAN, 0), (0, float("inf"))])
def test_ranges_are_checked(given: tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match="wanted finite numbers, 0 or more"):
        Split(right=given[0], wrong=given[1])
