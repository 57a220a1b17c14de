from dataclasses import replace

import numpy as np

from advdistill.weighting.correct_only import CorrectOnly
from tests.builders import groups

NAN = float("nan")


def test_answers_that_passed_weigh_one_whatever_their_reward() -> None:
    pool = groups([0.9, 1.1, 0.5], [NAN, 1.0], [0.0])
    passed_PG = np.array([[True, False, True], [True, True, False], [False, False, False]])
    found_PG = CorrectOnly(distinct=False).weigh(replace(pool, passed_PG=passed_PG))
    assert found_PG.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_of_right_answers_with_equal_texts_the_lowest_sample_is_kept() -> None:
    pool = replace(
        groups([1, 1, 1, 0, 1], [1, 1, NAN, 1, 0]),
        samples_PG=np.array([[4, 3, 2, 1, 0], [0, 1, 2, 3, 4]]),
        text_ids_PG=np.array([[7, 8, 7, 8, 9], [7, 7, 8, 8, 7]]),
    )
    assert CorrectOnly(distinct=False).weigh(pool).tolist() == [[1, 1, 1, 0, 1], [1, 1, 0, 1, 0]]
    # the wrong answer of text 8 and the unknown one take no right answer's place
    assert CorrectOnly(distinct=True).weigh(pool).tolist() == [[0, 1, 1, 0, 1], [1, 0, 0, 1, 0]]


def test_equal_texts_of_two_prompts_are_two_answers() -> None:
    pool = replace(groups([1], [1]), text_ids_PG=np.array([[5], [5]]))
    assert CorrectOnly(distinct=True).weigh(pool).tolist() == [[1], [1]]


def test_a_pool_without_right_answers_has_none_that_are_distinct() -> None:
    assert not CorrectOnly(distinct=True).weigh(groups([0, 0], [NAN])).any()
