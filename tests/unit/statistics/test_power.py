import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from advdistill.statistics.crossed import crossed
from advdistill.statistics.power import (
    Design,
    Variances,
    cheapest,
    power,
    smallest_difference,
    variances_of,
)

MIXED = Variances(seed=0.01**2, item=0.05, rest=0.15)


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("difference", [0.01, 0.03])
def test_without_items_of_their_own_the_power_is_that_of_the_t_test(
    seeds: int, difference: float
) -> None:
    deviation = (0.3 / 600 + 0.01**2) ** 0.5
    found = power(
        difference,
        Variances(seed=0.01**2, item=0.0, rest=0.3),
        Design(seeds=seeds, items=600, alpha=0.05),
    )
    assert found == pytest.approx(TTestPower().power(difference / deviation, seeds, 0.05), abs=1e-3)


def test_the_smallest_difference_has_the_wanted_power() -> None:
    design = Design(seeds=5, items=600, alpha=0.01)
    found = smallest_difference(MIXED, design, wanted=0.9)
    assert power(found, MIXED, design) == pytest.approx(0.9, abs=1e-4)


def test_the_cheapest_design_suffices_and_its_neighbours_do_not_or_cost_more() -> None:
    found = cheapest(0.03, MIXED, alpha=0.05, training=2000, most_items=20_000)
    assert found is not None
    assert power(0.03, MIXED, found) >= 0.8
    fewer = Design(seeds=found.seeds, items=found.items - 1, alpha=0.05)
    assert power(0.03, MIXED, fewer) < 0.8
    cost = found.seeds * (2000 + found.items)
    for seeds in (found.seeds - 1, found.seeds + 1):
        if seeds >= 3:
            items = int(cost / seeds - 2000) - 1
            assert (
                items < 2 or power(0.03, MIXED, Design(seeds=seeds, items=items, alpha=0.05)) < 0.8
            )


def test_what_no_design_shows_has_none() -> None:
    noisy = Variances(seed=0.2**2, item=0.1, rest=0.1)
    assert cheapest(0.001, noisy, alpha=0.05, training=1e9, most_items=100) is None


def test_components_come_back_from_what_they_made() -> None:
    rng = np.random.default_rng(0)
    seeds, items = rng.normal(0, 0.2, (80, 1)), rng.normal(0, 0.5, 2000)
    found = variances_of(crossed(rng.normal(0, 0.7, (80, 2000)) + seeds + items))
    assert found.seed == pytest.approx(0.04, rel=0.4)
    assert found.item == pytest.approx(0.25, rel=0.15)
    assert found.rest == pytest.approx(0.49, rel=0.05)
