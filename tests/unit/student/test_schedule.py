from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from advdistill.budget import Budget, BudgetUnit
from advdistill.errors import DataError
from advdistill.student.batches import HeldTokens, Row
from advdistill.student.finetune import Finetune
from advdistill.student.schedule import batches, learning_rate, steps
from tests.unit.student.students import NO_BUDGET, student


def row(prompt_id: str, tokens: int) -> Row:
    return Row(
        prompt_id=prompt_id,
        sample=0,
        tokens=HeldTokens(ids=np.zeros(3 + tokens, dtype=np.int32), prompt_tokens=3),
        length=3 + tokens,
        weight=1.0,
        right=True,
        teacher=None,
        reference=None,
    )


def ten(*lengths: tuple[int, ...]) -> dict[str, list[Row]]:
    """Return ten prompts, the first of which have responses of these lengths."""
    names = [f"tiny/train/{number:05d}" for number in range(10)]
    padded = [*lengths, *[()] * (10 - len(lengths))]
    return {
        name: [row(name, tokens) for tokens in own] for name, own in zip(names, padded, strict=True)
    }


RAGGED = ten((5, 1), (), (7,), (2, 2, 2), (), (9,))
"""Four prompts with 2, 1, 3 and 1 responses; 6, 7, 6 and 9 tokens."""


@pytest.mark.parametrize(
    ("epochs", "max_steps", "batch_prompts", "sizes"),
    [
        (1.0, None, 4, [4, 4, 2]),
        (2.0, None, 4, [4, 4, 4, 4, 4]),
        (0.7, None, 4, [4, 3]),
        (1.0, None, 64, [10]),
        (9.0, 2, 4, [4, 4]),
        (1.0, 2, 16, [16, 16]),
    ],
)
@pytest.mark.parametrize("unit", [BudgetUnit.none, BudgetUnit.weight])
def test_sizes_of_the_steps(
    epochs: float,
    max_steps: int | None,
    batch_prompts: int,
    sizes: list[int],
    unit: BudgetUnit,
) -> None:
    one = student("m", epochs=epochs, max_steps=max_steps, batch_prompts=batch_prompts)
    budget = Budget(unit=unit, amount=3.0)
    found = list(batches(one, RAGGED, budget))
    assert [len(batch) for batch in found] == sizes
    assert steps(one, RAGGED, budget) == len(sizes)


def test_every_epoch_holds_each_prompt_once_in_an_order_of_its_own() -> None:
    one = student("m", epochs=3, batch_prompts=4)
    seen = [name for batch in batches(one, ten(), NO_BUDGET) for name in batch]
    epochs = [seen[:10], seen[10:20], seen[20:]]
    assert all(sorted(epoch) == list(ten()) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


@pytest.mark.parametrize("unit", [BudgetUnit.none, BudgetUnit.samples])
def test_order_depends_on_the_seed_and_not_on_the_order_of_the_table(unit: BudgetUnit) -> None:
    one, budget = student("m", epochs=2, batch_prompts=4), Budget(unit=unit, amount=1.0)
    backwards = dict(reversed(RAGGED.items()))
    found = list(batches(one, RAGGED, budget))
    assert found == list(batches(one, backwards, budget))
    assert found != list(batches(replace(one, seed=1), RAGGED, budget))


@pytest.mark.parametrize("batch_prompts", [1, 3, 4, 100])
@pytest.mark.parametrize("amount", [0.1, 0.7, 1.0, 4.0, 12.5])
@pytest.mark.parametrize("unit", [BudgetUnit.samples, BudgetUnit.tokens])
def test_a_budget_of_every_prompt_is_spent_to_within_the_last_prompt(
    unit: BudgetUnit, amount: float, batch_prompts: int
) -> None:
    one = student("m", epochs=99, max_steps=99, batch_prompts=batch_prompts)
    found = list(batches(one, RAGGED, Budget(unit=unit, amount=amount)))
    costs = [
        sum(1 if unit is BudgetUnit.samples else one.response_tokens for one in RAGGED[name])
        for batch in found
        for name in batch
    ]
    assert sum(costs[:-1]) < 10 * amount <= sum(costs)
    assert steps(one, RAGGED, Budget(unit=unit, amount=amount)) == len(found)
    assert {len(batch) for batch in found[:-1]} <= {batch_prompts}


def test_under_a_budget_prompts_that_cost_nothing_are_passed_over_and_the_others_come_round() -> (
    None
):
    budget = Budget(unit=BudgetUnit.samples, amount=1.4)  # two epochs of the seven responses
    seen = [name for batch in batches(student("m"), RAGGED, budget) for name in batch]
    priced = sorted(name for name, rows in RAGGED.items() if rows)
    assert sorted(seen[:4]) == sorted(seen[4:]) == priced


def test_equal_arms_spend_the_same_whatever_they_keep() -> None:
    """One arm keeps every response, the other one of four: it comes round four times as often."""
    everything, best = ten(*[(3, 3, 3, 3)] * 10), ten(*[(3,)] * 10)
    one = student("m", batch_prompts=5)
    for unit, amount in ((BudgetUnit.samples, 8.0), (BudgetUnit.tokens, 24.0)):
        budget = Budget(unit=unit, amount=amount)
        assert steps(one, everything, budget) * 4 == steps(one, best, budget) == 16


def test_a_budget_that_nothing_can_be_spent_on_is_refused() -> None:
    budget = Budget(unit=BudgetUnit.tokens, amount=4.0)
    with pytest.raises(DataError, match=r"4 tokens per prompt cannot be spent.* 10 prompts"):
        list(islice(batches(student("m"), ten(), budget), 3))


def rates(one: Finetune, total: int) -> list[float]:
    return [learning_rate(one, step, total) for step in range(1, total + 1)]


def test_learning_rate_rises_to_its_peak_and_falls_towards_its_floor() -> None:
    found = rates(student("m", learning_rate=1.0, warmup=0.2, min_learning_rate=0.1), 10)
    assert found[:3] == pytest.approx([0.5, 1.0, 1.0])
    assert found[6] == pytest.approx(0.55)
    assert found[2:] == sorted(found[2:], reverse=True)
    assert 0.1 < found[-1] < 0.15


@pytest.mark.parametrize("warmup", [0.0, 0.5, 1.0])
def test_a_single_step_has_a_learning_rate(warmup: float) -> None:
    assert rates(student("m", learning_rate=1.0, warmup=warmup), 1) == [1.0]
