from dataclasses import replace

import numpy as np
import pytest

from advdistill.weighting.all_wrong import AllWrong
from tests.builders import binary, groups

NAN = float("nan")


@pytest.mark.parametrize("right", [1, 4, 7])
def test_wrong_answers_weigh_one(right: int) -> None:
    assert AllWrong().weigh(binary(right)).tolist() == [[0] * right + [1] * (8 - right)]


def test_wrong_is_a_judged_answer_that_did_not_pass() -> None:
    pool = replace(groups([0.9, 1.5, NAN], [1]), passed_PG=np.array([[True, False, False]] * 2))
    assert AllWrong().weigh(pool).tolist() == [[0, 1, 0], [0, 0, 0]]
