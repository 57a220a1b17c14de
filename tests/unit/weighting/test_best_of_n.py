from dataclasses import replace

import numpy as np
import pytest

from advdistill.weighting.best_of_n import BestOfN
from tests.builders import binary, groups

NAN = float("nan")


@pytest.mark.parametrize("right", [1, 4, 7])
@pytest.mark.parametrize("require_pass", [True, False])
def test_of_eight_answers_the_first_right_one_weighs_one(right: int, require_pass: bool) -> None:
    found = BestOfN(require_pass=require_pass).weigh(binary(right))
    assert found.tolist() == [[1, 0, 0, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("require_pass", "wanted"), [(True, [[0, 0, 0], [0, 1, 0]]), (False, [[0, 1, 0], [1, 0, 0]])]
)
def test_a_prompt_whose_best_answer_is_wrong_weighs_nothing_or_its_best_right_one(
    require_pass: bool, wanted: list[list[float]]
) -> None:
    pool = groups([0.1, 0.4, NAN], [0.9, 0.8, 0.2])
    passed_PG = np.array([[False, False, False], [False, True, True]])
    found_PG = BestOfN(require_pass=require_pass).weigh(replace(pool, passed_PG=passed_PG))
    assert found_PG.tolist() == wanted


def test_ties_fall_to_the_lowest_sample_wherever_it_stands() -> None:
    pool = replace(groups([1, 0, 1, 1]), samples_PG=np.array([[5, 0, 3, 4]]))
    assert BestOfN(require_pass=True).weigh(pool).tolist() == [[0, 0, 1, 0]]


def test_rewards_below_zero_have_a_best_too() -> None:
    assert BestOfN(require_pass=False).weigh(groups([-3, -1, -2])).tolist() == [[0, 1, 0]]
