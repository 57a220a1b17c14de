import numpy as np
import pytest

from advdistill.groups import ZeroVariance
from advdistill.interfaces import Weighting
from advdistill.weighting.correct_only import CorrectOnly
from advdistill.weighting.matched_random import MatchedRandom
from advdistill.weighting.rank import Rank
from tests.builders import groups

NAN = float("nan")
RANK = Rank(zero_variance=ZeroVariance.drop)
CORRECT = CorrectOnly(distinct=False)


def test_the_judged_answers_of_the_pool_keep_the_histogram() -> None:
    pool = groups(*[[0.1, 0.4, NAN, 0.2, 1.0]] * 20, *[[0.0, 1.0]] * 20, [NAN])
    found_PG, given_PG = MatchedRandom(of=RANK, seed=0).weigh(pool), RANK.weigh(pool)
    known_PG = pool.known_PG
    assert np.array_equal(np.sort(found_PG[known_PG]), np.sort(given_PG[known_PG]))
    assert not found_PG[~known_PG].any()


def test_weights_cross_from_prompt_to_prompt() -> None:
    """Half the prompts are all right; of their weights about half stay, by chance."""
    pool = groups(*[[1.0] * 4] * 500, *[[0.0] * 4] * 500)
    found_PG = MatchedRandom(of=CORRECT, seed=2).weigh(pool)
    # 1000 of the 2000 wanted on each half; five standard deviations are 112
    assert abs(found_PG[:500].sum() - 1000) < 112
    # and 500 in each column
    assert (abs(found_PG.sum(0) - 500) < 112).all()


def test_another_seed_deals_otherwise() -> None:
    pool = groups(*[[1.0, 0.0]] * 20)
    one, other = (MatchedRandom(of=CORRECT, seed=seed).weigh(pool) for seed in (0, 1))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("inner", [CORRECT, RANK])
def test_it_is_signed_where_the_other_is(inner: Weighting) -> None:
    assert MatchedRandom(of=inner, seed=0).signed is inner.signed
