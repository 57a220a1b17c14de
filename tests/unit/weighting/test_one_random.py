from collections import Counter

import numpy as np

from advdistill.weighting.one_random import OneRandom
from tests.builders import groups

NAN = float("nan")


def test_each_prompt_with_a_judged_answer_has_one_of_weight_one() -> None:
    pool = groups([1, 0, 0, NAN], [NAN, NAN], [NAN, 0, NAN], [0])
    found_PG = OneRandom(seed=0).weigh(pool)
    assert found_PG.sum(1).tolist() == [1, 0, 1, 1]
    assert found_PG[2].tolist() == [0, 1, 0, 0]
    assert found_PG[3].tolist() == [1, 0, 0, 0]


def test_every_answer_is_drawn_about_as_often_and_rewards_have_no_say() -> None:
    pool = groups(*[[1.0, 0.0, 0.0, 0.0]] * 2000)
    drawn = Counter(OneRandom(seed=3).weigh(pool).argmax(1).tolist())
    # 500 of each wanted; five standard deviations are 97
    assert all(abs(drawn[sample] - 500) < 97 for sample in range(4))
    turned = groups(*[[0.0, 0.0, 0.0, 1.0]] * 2000)
    assert np.array_equal(OneRandom(seed=3).weigh(turned), OneRandom(seed=3).weigh(pool))


def test_another_seed_draws_other_answers() -> None:
    pool = groups(*[[1.0, 0.0, 0.0, 0.0]] * 100)
    same = (OneRandom(seed=0).weigh(pool) == OneRandom(seed=1).weigh(pool)).all(1).mean()
    assert 0.05 < same < 0.5
