from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_effectsize

from advdistill.statistics.effect_sizes import cohen_h, d_z
from advdistill.statistics.holm import holm
from advdistill.statistics.paired_shares import share_difference
from advdistill.statistics.sign_flip import sign_flip

SHARES = st.floats(0, 1, allow_nan=False)


@settings(deadline=None, max_examples=30)
@given(st.lists(SHARES, min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    assert holm(np.array(p_values)) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_worked_by_hand() -> None:
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_families_side_by_side_are_each_their_own() -> None:
    both = holm(np.array([[0.01, 0.02], [0.5, 0.01]]))
    assert both == pytest.approx(np.array([[0.02, 0.02], [0.5, 0.02]]))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(-20, 20), min_size=6, max_size=8))
def test_the_sign_flip_test_counts_every_choice_of_signs(differences: list[int]) -> None:
    row = np.array(differences, dtype=float)
    means = [abs(np.dot(signs, row)) for signs in product([-1, 1], repeat=len(row))]
    expected = np.mean([one >= abs(row.sum()) - 1e-9 for one in means])
    assert sign_flip(row) == pytest.approx(expected)


def test_six_seeds_of_one_sign_are_the_rarest_choice() -> None:
    assert sign_flip(np.array([1.0, 2.0, 0.5, 3.0, 1.5, 0.2])) == pytest.approx(2 / 64)


def test_darwins_maize_gives_fishers_randomisation_p_value() -> None:
    # Fisher 1935, section 21: 863 of 32,768 totals are at least as large as the one observed
    maize = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], dtype=float)
    assert sign_flip(maize) == pytest.approx(2 * 863 / 2**15, abs=0.01)  # drawn, not enumerated


@given(SHARES, SHARES)
def test_cohens_h_is_that_of_statsmodels(first: float, second: float) -> None:
    assert cohen_h(first, second) == pytest.approx(proportion_effectsize(first, second))


def test_d_z_is_mean_over_deviation() -> None:
    assert d_z(np.array([1.0, 2.0, 3.0])) == pytest.approx(2.0)
    assert d_z(np.array([0.3, 0.3, 0.3])) is None


def test_the_interval_of_two_shares_worked_by_hand() -> None:
    # 10 and 4 of 98 + 2: shares 0.11 and 0.05, error sqrt(0.16 - 0.06^2) / 10
    low, high = share_difference(10, 4, 98, level=0.95)
    assert low == pytest.approx(0.06 - 1.959964 * 0.0395475, abs=1e-6)
    assert high == pytest.approx(0.06 + 1.959964 * 0.0395475, abs=1e-6)


@pytest.mark.parametrize(("p_first", "p_second"), [(0.05, 0.05), (0.2, 0.1), (0.02, 0.15)])
def test_the_interval_of_two_shares_covers_by_enumeration(p_first: float, p_second: float) -> None:
    items, covered = 60, 0.0
    for first in range(items + 1):
        chance = binom.pmf(first, items, p_first)
        rest = p_second / (1 - p_first)
        for second in range(items + 1 - first):
            low, high = share_difference(first, second, items, level=0.95)
            inside = low <= p_first - p_second <= high
            covered += inside * chance * binom.pmf(second, items - first, rest)
    assert 0.94 <= covered <= 0.99
