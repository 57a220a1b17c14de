from dataclasses import replace

import numpy as np
import pytest

from advdistill.groups import Std, ZeroVariance
from advdistill.interfaces import Weighting
from advdistill.weighting.advantage import Advantage
from advdistill.weighting.correct_only import CorrectOnly
from advdistill.weighting.rank import Rank
from advdistill.weighting.shuffled import Shuffled
from tests.builders import groups

NAN = float("nan")
RANK = Rank(zero_variance=ZeroVariance.drop)
CORRECT = CorrectOnly(distinct=False)
GRADED = groups(*[[0.1, 0.4, NAN, 0.2, 1.0]] * 50, [0.3, NAN], [NAN, NAN, NAN, NAN, NAN])


def test_each_prompt_keeps_its_weights_on_its_judged_answers() -> None:
    found_PG, given_PG = Shuffled(of=RANK, seed=0).weigh(GRADED), RANK.weigh(GRADED)
    assert np.array_equal(np.sort(found_PG, 1), np.sort(given_PG, 1))
    assert not found_PG[~GRADED.known_PG].any()
    assert not np.array_equal(found_PG, given_PG)


def test_every_weight_falls_on_every_answer_about_as_often() -> None:
    pool = groups(*[[1.0, 0.0, 0.0, 0.0]] * 2000)
    on_each = Shuffled(of=CORRECT, seed=1).weigh(pool).sum(0)
    # 500 on each wanted; five standard deviations are 97
    assert (abs(on_each - 500) < 97).all()


def test_prompts_are_dealt_to_in_different_orders_and_seeds_differ() -> None:
    orders = {tuple(row) for row in Shuffled(of=RANK, seed=0).weigh(GRADED)[:50].tolist()}
    assert len(orders) > 15
    other_PG = Shuffled(of=RANK, seed=1).weigh(GRADED)
    assert not np.array_equal(other_PG, Shuffled(of=RANK, seed=0).weigh(GRADED))


def test_what_an_answer_is_dealt_does_not_depend_on_which_is_right() -> None:
    """The order is that of the draws, so that a swap of two rewards leaves it as it was."""
    swapped = replace(GRADED, rewards_PG=GRADED.rewards_PG[:, [1, 0, 2, 3, 4]])
    one = Shuffled(of=RANK, seed=0)
    assert np.array_equal(one.weigh(swapped)[:50], one.weigh(GRADED)[:50])


@pytest.mark.parametrize(
    "inner",
    [CORRECT, Advantage(std=Std.none, std_floor=0, epsilon=0, zero_variance=ZeroVariance.drop)],
)
def test_it_is_signed_where_the_other_is(inner: Weighting) -> None:
    assert Shuffled(of=inner, seed=0).signed is inner.signed
