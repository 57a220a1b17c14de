import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp
from statsmodels.stats.weightstats import DescrStatsW

from advdistill.statistics.crossed import crossed
from advdistill.statistics.two_part_t import (
    Spread,
    half_width,
    over_seeds,
    over_seeds_and_items,
    two_sided,
    within,
)

SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
"""Student 1908: additional hours of sleep, the second drug minus the first."""


def of_means(means_S: np.ndarray) -> np.ndarray:
    """Return differences with these means over two items that differ in nothing."""
    return np.stack([means_S, means_S], axis=-1)


def test_the_sleep_data_give_students_p_value() -> None:
    found = crossed(of_means(SLEEP))
    assert two_sided(found.mean, over_seeds(found)) == pytest.approx(0.00283289, abs=1e-7)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_over_seeds_alone_test_and_interval_are_those_of_scipy(level: float) -> None:
    found = crossed(of_means(SLEEP))
    expected = ttest_1samp(SLEEP, 0.0)
    interval = expected.confidence_interval(level)
    assert two_sided(found.mean, over_seeds(found)) == pytest.approx(expected.pvalue)
    half = half_width(over_seeds(found), level=level)
    assert found.mean - half == pytest.approx(interval.low)
    assert found.mean + half == pytest.approx(interval.high)


@pytest.mark.parametrize("margin", [0.5, 1.6, 3.0])
def test_tost_is_that_of_statsmodels(margin: float) -> None:
    found = crossed(of_means(SLEEP))
    expected = DescrStatsW(SLEEP).ttost_mean(-margin, margin)[0]
    assert within(found.mean, over_seeds(found), margin=margin) == pytest.approx(expected)


def test_the_items_variance_widens_the_error() -> None:
    rng = np.random.default_rng(1)
    found = crossed(rng.normal(size=(5, 30)) + 3 * rng.normal(size=30))
    wide, narrow = over_seeds_and_items(found), over_seeds(found)
    assert wide.error**2 == pytest.approx(found.seed_variance + found.item_variance)
    assert wide.error > narrow.error


@settings(deadline=None, max_examples=60)
@given(
    share=st.floats(0, 1), seeds=st.integers(3, 12), items=st.integers(3, 5000),
    level=st.sampled_from([0.9, 0.95, 0.99, 0.999]),
)  # fmt: skip
def test_an_interval_ends_where_the_test_is_on_the_edge(
    share: float, seeds: int, items: int, level: float
) -> None:
    spread = Spread(
        error=np.array(2.0),
        seed_share=np.array(share),
        seed_degrees=seeds - 1,
        item_degrees=items - 1,
    )
    assert two_sided(half_width(spread, level=level), spread) == pytest.approx(1 - level, rel=1e-4)


def test_seeds_that_do_not_differ_show_nothing() -> None:
    found = crossed(of_means(np.array([0.2, 0.2, 0.2])))
    for reach in (over_seeds, over_seeds_and_items):
        assert two_sided(found.mean, reach(found)) == 1
        assert within(found.mean, reach(found), margin=0.5) >= 0.5
        assert np.isinf(half_width(reach(found), level=0.95))
