from dataclasses import replace

import numpy as np
import pytest

from advdistill.weighting.difficulty import Difficulty, Emphasis
from tests.builders import binary, groups

NAN = float("nan")
TABLE = {
    Emphasis.one: [1, 1, 1, 1],
    Emphasis.hard: [7 / 8, 1 / 2, 1 / 8, 0],
    Emphasis.middle: [7 / 16, 1, 7 / 16, 0],
    Emphasis.even: [8, 2, 8 / 7, 1],
}


@pytest.mark.parametrize(
    ("emphasis", "right", "wanted"),
    [
        (emphasis, right, wanted)
        for emphasis in Emphasis
        for right, wanted in zip((1, 4, 7, 8), TABLE[emphasis], strict=True)
    ],
)
def test_right_answers_weigh_by_the_share_that_is_right(
    emphasis: Emphasis, right: int, wanted: float
) -> None:
    found = Difficulty(emphasis=emphasis).weigh(binary(right))[0]
    assert found == pytest.approx([wanted] * right + [0] * (8 - right))


@pytest.mark.parametrize("emphasis", list(Emphasis))
def test_a_prompt_without_a_right_answer_weighs_nothing(emphasis: Emphasis) -> None:
    with np.errstate(all="raise"):
        assert not Difficulty(emphasis=emphasis).weigh(groups([0, 0], [NAN])).any()


def test_the_share_is_that_of_the_judged_answers_by_their_verdicts() -> None:
    pool = replace(groups([0.9, 0.4, NAN, NAN]), passed_PG=np.array([[True, False, True, False]]))
    assert Difficulty(emphasis=Emphasis.even).weigh(pool).tolist() == [[2, 0, 0, 0]]
