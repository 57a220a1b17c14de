import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from advdistill.statistics.crossed import crossed


def test_a_table_worked_by_hand() -> None:
    # means of seeds 1 and 3, of items 1, 2, 3; rest 0: MS_S = 6, MS_I = 2, MS_rest = 0
    found = crossed(np.array([[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]]))
    assert found.mean == pytest.approx(2.0)
    assert found.seed_variance == pytest.approx(6 / 6)
    assert found.item_variance == pytest.approx(2 / 6)
    assert found.rest_variance == pytest.approx(0.0, abs=1e-12)


def test_the_mean_squares_are_those_of_statsmodels() -> None:
    rng = np.random.default_rng(0)
    differences_SI = rng.normal(size=(4, 9)) + rng.normal(size=9) + rng.normal(size=(4, 1))
    seeds, items = np.indices(differences_SI.shape)
    table = pandas.DataFrame({"d": differences_SI.ravel(), "s": seeds.ravel(), "i": items.ravel()})
    squares = anova_lm(ols("d ~ C(s) + C(i)", data=table).fit())
    mean = squares["sum_sq"] / squares["df"]
    found = crossed(differences_SI)
    assert found.seed_variance == pytest.approx(mean["C(s)"] / 36)
    assert found.rest_variance == pytest.approx(mean["Residual"])
    assert found.item_variance == pytest.approx((mean["C(i)"] - mean["Residual"]) / 36)


def test_a_negative_estimate_of_the_items_variance_is_none() -> None:
    assert crossed(np.array([[1.0, -1.0], [-1.0, 1.0]])).item_variance == 0


@settings(deadline=None, max_examples=50)
@given(arrays(float, (3, 5), elements=st.sampled_from([-1.0, 0.0, 1.0])))
def test_the_seeds_variance_is_that_of_the_means_over_their_number(d_SI: np.ndarray) -> None:
    expected = d_SI.mean(1).var(ddof=1) / 3
    assert crossed(d_SI).seed_variance == pytest.approx(expected, abs=1e-12)


def test_sweeps_side_by_side_are_each_their_own() -> None:
    many = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    assert crossed(many).item_variance[1, 2] == pytest.approx(crossed(many[1, 2]).item_variance)
