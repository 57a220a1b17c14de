"""What each option makes of three prompts with 1, 4 and 7 of 8 answers right, worked by hand."""

import numpy as np
import pytest

from tests.builders import groups, options
from tests.contract.components import component

RIGHT = (1, 4, 7)
POOL = groups(*[[1.0] * right + [0.0] * (8 - right) for right in RIGHT])
"""Half of all answers are right, so the deviation of the pool is 1/2."""

TABLE = {
    # option: (right, wrong) with 1 right, with 4 right, with 7 right
    "uniform": [(1, 1), (1, 1), (1, 1)],
    "correct_only": [(1, 0), (1, 0), (1, 0)],
    "positive": [(1, 0), (1, 0), (1, 0)],
    # 1 - k/8
    "difficulty": [(7 / 8, 0), (1 / 2, 0), (1 / 8, 0)],
    # 8 e/(k e + 8 - k) and 8/(k e + 8 - k)
    "rwr": [(2.2377, 0.8232), (1.4621, 0.5379), (1.0858, 0.3994)],
    # the same with e to the gap of the z-scores over 0.5, that is 6.047, 4 and 6.047
    "softmax": [(7.8697, 0.0186), (1.9640, 0.0360), (1.1425, 0.0027)],
    # e to the z-score
    "awr": [(14.094, 0.6853), (2.7183, 0.3679), (1.4593, 0.0710)],
    "relu_advantage": [(2.6458, 0), (1, 0), (0.3780, 0)],
    # sqrt((8 - k)/k) and -sqrt(k/(8 - k))
    "advantage": [(2.6458, -0.3780), (1, -1), (0.3780, -2.6458)],
    # the one part is the total, and z-scores have the deviation 1 over the pool
    "gdpo": [(2.6458, -0.3780), (1, -1), (0.3780, -2.6458)],
    # 1 - k/8 and -k/8
    "no_std": [(0.875, -0.125), (0.5, -0.5), (0.125, -0.875)],
    # twice that
    "batch_std": [(1.75, -0.25), (1, -1), (0.25, -1.75)],
    # (8 - k)/7 and -k/7
    "rloo": [(1, -1 / 7), (4 / 7, -4 / 7), (1 / 7, -1)],
    "rank": [(1, -1 / 7), (4 / 7, -4 / 7), (1 / 7, -1)],
    # those of no_std and a tenth
    "shifted": [(0.975, -0.025), (0.6, -0.4), (0.225, -0.775)],
    # 4/k and -0.8 times 4/(8 - k)
    "redi": [(4, -3.2 / 7), (1, -0.8), (4 / 7, -3.2)],
    "w_reinforce": [(0.1, -1), (0.1, -1), (0.1, -1)],
    "negative": [(0, -1), (0, -1), (0, -1)],
    "all_wrong": [(0, 1), (0, 1), (0, 1)],
}
SINGLES = ("best_of_n", "one_random")
DEALT = ("shuffled", "matched_random")


def test_every_option_stands_in_the_table_or_below_it() -> None:
    assert {*TABLE, *SINGLES, *DEALT} == set(options("weighting"))


@pytest.mark.parametrize("option", TABLE)
def test_weights_are_those_of_the_table(option: str) -> None:
    wanted_PG = [
        [gain] * right + [loss] * (8 - right)
        for right, (gain, loss) in zip(RIGHT, TABLE[option], strict=True)
    ]
    found_PG = component("weighting", option).weigh(POOL)
    # the epsilon of the YAMLs is worth up to a thousandth
    assert found_PG == pytest.approx(np.array(wanted_PG), rel=1.5e-3, abs=5e-4)


def test_the_best_of_eight_is_the_first_right_answer() -> None:
    assert component("weighting", "best_of_n").weigh(POOL).tolist() == [[1, *[0] * 7]] * 3


def test_a_single_random_answer_is_one_of_eight() -> None:
    found_PG = component("weighting", "one_random").weigh(POOL)
    assert np.sort(found_PG, 1).tolist() == [[*[0] * 7, 1]] * 3


@pytest.mark.parametrize("option", DEALT)
def test_dealt_weights_are_those_of_the_table_in_another_order(option: str) -> None:
    given_PG = component("weighting", "softmax").weigh(POOL)
    found_PG = component("weighting", option).weigh(POOL)
    assert np.array_equal(np.sort(found_PG, None), np.sort(given_PG, None))
    by_prompt = np.array_equal(np.sort(found_PG, 1), np.sort(given_PG, 1))
    assert by_prompt is (option == "shuffled")


@pytest.mark.parametrize("option", [name for name in TABLE if name != "all_wrong"])
def test_right_answers_never_weigh_less_than_wrong_ones(option: str) -> None:
    assert all(gain >= loss for gain, loss in TABLE[option])
