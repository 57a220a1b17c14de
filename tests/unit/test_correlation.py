from functools import reduce
from operator import add

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from advdistill.correlation import DRAWN, CoMoments, Drawn

DRAW = np.random.default_rng(0)
ONE = DRAW.normal(size=1000)
OTHER = np.round(ONE + 3 * DRAW.normal(size=1000), 1)


@pytest.mark.parametrize("parts", [1, 2, 7])
@pytest.mark.parametrize("size", [1.0, 1e-250, 1e250])
def test_moments_of_parts_give_pearsons_correlation_of_the_whole(parts: int, size: float) -> None:
    pairs = zip(np.array_split(ONE, parts), np.array_split(OTHER, parts), strict=True)
    moments = reduce(add, [CoMoments.of(one * size, other) for one, other in pairs])
    assert moments.correlation == pytest.approx(pearsonr(ONE, OTHER).statistic, rel=1e-12)


def test_parts_of_unlike_sizes_are_brought_to_one_scale() -> None:
    one = np.concatenate([ONE[:500] * 1e-200, ONE[500:]])
    moments = CoMoments.of(one[:500], OTHER[:500]) + CoMoments.of(one[500:], OTHER[500:])
    assert moments.correlation == pytest.approx(pearsonr(one, OTHER).statistic, rel=1e-12)


def test_constant_parts_that_differ_vary_together() -> None:
    parts = [CoMoments.of(np.full(3, value), np.full(3, -value)) for value in (1.0, 2.0)]
    assert parts[0].correlation is None
    assert (parts[0] + parts[1]).correlation == pytest.approx(-1)


def test_up_to_a_bound_every_answer_is_ranked() -> None:
    draws = DRAW.permutation(1000)
    wanted = pytest.approx(spearmanr(ONE, OTHER).statistic, rel=1e-12)
    assert Drawn.of(draws, ONE, OTHER).rank_correlation == wanted


def test_beyond_it_those_of_the_lowest_draws_are_however_they_are_split() -> None:
    draws = DRAW.permutation(DRAWN + 500)
    one, other = draws * 1.0, DRAW.normal(size=len(draws))
    whole = Drawn.of(draws, one, other)
    halves = [
        Drawn.of(draws[part], one[part], other[part])
        for part in (slice(70_000), slice(70_000, None))
    ]
    assert set(whole.draws_K) == set((halves[0] + halves[1]).draws_K) == set(range(DRAWN))
    assert whole.rank_correlation == pytest.approx((halves[1] + halves[0]).rank_correlation)
