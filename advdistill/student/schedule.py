"""Which prompts a step sees, and its learning rate: neither depends on the model's weights.

A budget of samples or tokens sets the length: prompts come round, those without a weighted response
passed over, until its amount is spent. Otherwise the student's epochs or steps do, and every prompt
counts, so that arms whose weightings drop different prompts take equal steps.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, count, islice
from math import ceil, cos, pi

from advdistill.budget import Budget, BudgetUnit
from advdistill.errors import DataError
from advdistill.seeds import sample_seed
from advdistill.student.batches import Row
from advdistill.student.finetune import Finetune

_Cost = Callable[[Sequence[Row]], float]
_COSTS: Mapping[BudgetUnit, _Cost] = {
    BudgetUnit.samples: len,
    BudgetUnit.tokens: lambda rows: sum(row.response_tokens for row in rows),
}
"""What a prompt spends each time it is seen, for the units that set the length."""


def batches(
    student: Finetune, by_prompt: Mapping[str, Sequence[Row]], budget: Budget
) -> Iterator[list[str]]:
    """Yield the prompts of each step, epoch after epoch; only the last step may be short.

    Raises:
        DataError: the budget cannot be spent, as no prompt has a weighted response.
    """
    cost = _COSTS.get(budget.unit)
    seen = (
        islice(_stream(student, list(by_prompt)), _visits(student, len(by_prompt)))
        if cost is None
        else _spending(student, by_prompt, budget, cost)
    )
    while batch := list(islice(seen, student.batch_prompts)):
        yield batch


def steps(student: Finetune, by_prompt: Mapping[str, Sequence[Row]], budget: Budget) -> int:
    """Return the number of optimizer steps; raises as `batches` does."""
    return sum(1 for _ in batches(student, by_prompt, budget))


def learning_rate(student: Finetune, step: int, steps: int) -> float:
    """Return the learning rate of a step, counted from 1: a linear rise, then half a cosine."""
    rising = round(student.warmup * steps)
    if step <= rising:
        return student.learning_rate * step / rising
    share = (step - rising - 1) / (steps - rising)
    floor = student.min_learning_rate
    return student.learning_rate * (floor + (1 - floor) * (1 + cos(pi * share)) / 2)


def _visits(student: Finetune, prompts: int) -> int:
    """Return how many prompts are seen over all steps, each as often as it comes up."""
    if student.max_steps is not None:
        return student.max_steps * student.batch_prompts
    # 0.7 * 10 is 7.000000000000001.
    return ceil(round(student.epochs * prompts, 6))


def _spending(
    student: Finetune, by_prompt: Mapping[str, Sequence[Row]], budget: Budget, cost: _Cost
) -> Iterator[str]:
    """Yield prompts until the budget of all prompts, costly or not, is spent."""
    costs = {name: price for name, rows in by_prompt.items() if (price := cost(rows))}
    if not costs:
        raise DataError(
            f"budget: {budget.amount:g} {budget.unit.value} per prompt cannot be spent, as none of "
            f"the {len(by_prompt)} prompts has a response with a weight; wanted at least one; "
            "choose a weighting that keeps some, or budget=none"
        )
    left = round(budget.amount * len(by_prompt), 6)  # 0.1 * 30 is 3.0000000000000004
    for name in _stream(student, list(costs)):
        yield name
        left -= costs[name]
        if left <= 0:
            return


def _stream(student: Finetune, prompt_ids: Sequence[str]) -> Iterator[str]:
    """Yield the prompts for ever, each epoch in an order of its own."""
    return chain.from_iterable(_order(prompt_ids, student.seed, epoch) for epoch in count())


def _order(prompt_ids: Sequence[str], seed: int, epoch: int) -> list[str]:
    return sorted(prompt_ids, key=lambda name: (sample_seed(seed, f"order/{name}", epoch), name))
