import numpy as np
import pytest

from advdistill.budget import Budget, BudgetUnit
from advdistill.errors import ConfigError

WEIGHTS_PG = np.array([[1.0, -0.5, 0.0], [0.0, 0.0, 0.0], [2.0, 2.0, 4.0]])


def test_the_weight_of_every_prompt_that_has_some_becomes_the_amount() -> None:
    found_PG = Budget(unit=BudgetUnit.weight, amount=6.0).scaled_PG(WEIGHTS_PG)
    assert found_PG.tolist() == [[4.0, -2.0, 0.0], [0.0, 0.0, 0.0], [1.5, 1.5, 3.0]]


def test_weights_close_to_nothing_are_scaled_all_the_same() -> None:
    found_PG = Budget(unit=BudgetUnit.weight, amount=8.0).scaled_PG(np.array([[5e-324, 0.0]]))
    assert found_PG.tolist() == [[8.0, 0.0]]


@pytest.mark.parametrize("unit", [BudgetUnit.none, BudgetUnit.samples, BudgetUnit.tokens])
def test_the_other_units_leave_the_weights_alone(unit: BudgetUnit) -> None:
    assert Budget(unit=unit, amount=6.0).scaled_PG(WEIGHTS_PG) is WEIGHTS_PG


@pytest.mark.parametrize("amount", [0.0, -1.0, float("inf"), float("nan")])
def test_an_amount_out_of_range_is_named(amount: float) -> None:
    with pytest.raises(ConfigError, match="budget: amount is"):
        Budget(unit=BudgetUnit.samples, amount=amount)
