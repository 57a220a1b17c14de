from collections.abc import Sequence
from dataclasses import replace

import pytest

from advdistill.audit import Pool
from advdistill.audit_weights import PromptChange, reweigh
from advdistill.budget import Budget, BudgetUnit
from advdistill.errors import StageError
from advdistill.interfaces import Weighting
from advdistill.pools import groups_of, weights_of
from advdistill.records import Response, Reward, Verdict, Weight
from advdistill.tables import to_rows, to_table
from tests.builders import prompt, response, reward
from tests.contract.components import component
from tests.unit.student.students import NO_BUDGET

P, F, E = Verdict.passed, Verdict.failed, Verdict.error


def rewards(*groups: Sequence[Verdict]) -> list[Reward]:
    return [
        reward(f"p/{number}", sample, verdict=verdict)
        for number, verdicts in enumerate(groups)
        for sample, verdict in enumerate(verdicts)
    ]


def pool(rows: Sequence[Reward], weighting: Weighting) -> Pool:
    """Return a pool whose stored weights are those that the weighting gives."""
    responses = [response(row.prompt_id, row.sample) for row in rows]
    table = to_table(Response, responses)
    weights_PG = weighting.weigh(groups_of(table, to_table(Reward, rows)))
    return Pool(
        prompts={row.prompt_id: prompt(row.prompt_id) for row in rows},
        responses=responses,
        rewards=rows,
        weights=to_rows(Weight, weights_of(weights_PG, table)),
    )


def test_the_same_verdicts_change_nothing() -> None:
    weighting = component("weighting", "softmax")
    rows = rewards([P, F, F], [P, P, E])
    found = reweigh(pool(rows, weighting), rows, weighting, NO_BUDGET)
    assert (found.verdicts, found.changed, found.affected, found.stale) == (0, 0, [], 0)
    assert found.moved_share == 0


def test_a_weight_of_correct_answers_comes_and_goes_with_its_own_verdict() -> None:
    weighting = component("weighting", "correct_only")
    rows = rewards([P, F, F], [P, P, F], [F, F, F])
    second = rewards([P, P, F], [F, P, E], [F, F, F])
    found = reweigh(pool(rows, weighting), second, weighting, NO_BUDGET)
    assert (found.answers, found.prompts, found.verdicts) == (9, 3, 3)
    assert (found.changed, found.to_zero, found.from_zero, found.flipped) == (2, 1, 1, 0)
    assert found.moved_share == pytest.approx(2 / 3)
    assert [one.prompt_id for one in found.affected] == ["p/0", "p/1"]
    assert found.affected[0] == PromptChange(
        prompt_id="p/0", answers=3, passed_before=1, passed_after=2, flipped=0, moved=1.0
    )


def test_one_verdict_moves_every_weight_of_a_group_and_may_turn_signs() -> None:
    weighting = component("weighting", "advantage")
    rows, second = rewards([P, F, F, F], [P, F]), rewards([F, P, P, P], [P, F])
    found = reweigh(pool(rows, weighting), second, weighting, NO_BUDGET)
    assert (found.verdicts, found.changed, found.flipped) == (4, 4, 4)
    assert [(one.prompt_id, one.flipped) for one in found.affected] == [("p/0", 4)]


def test_stored_weights_of_another_making_are_told() -> None:
    weighting = component("weighting", "correct_only")
    rows = rewards([P, F])
    whole = pool(rows, weighting)
    other = replace(whole, weights=[replace(whole.weights[0], value=0.5), whole.weights[1]])
    assert reweigh(other, rows, weighting, NO_BUDGET).stale == 1


def test_a_row_for_every_answer_is_needed() -> None:
    weighting = component("weighting", "uniform")
    rows = rewards([P, F])
    with pytest.raises(StageError):
        reweigh(pool(rows, weighting), rows[:1], weighting, NO_BUDGET)


def test_a_pool_without_weight_divides_by_nothing() -> None:
    weighting = component("weighting", "correct_only")
    rows = rewards([F, F])
    assert reweigh(pool(rows, weighting), rows, weighting, NO_BUDGET).moved_share == 0


def test_a_budget_that_scaled_the_weights_scales_them_again() -> None:
    weighting, budget = component("weighting", "uniform"), Budget(unit=BudgetUnit.weight, amount=6)
    rows = rewards([P, F, F], [P, E, E])
    plain = pool(rows, weighting)
    scaled = replace(
        plain,
        weights=[
            replace(one, value=one.value * (2, 6)[one.prompt_id == "p/1"]) for one in plain.weights
        ],
    )
    assert reweigh(scaled, rows, weighting, budget).stale == 0
    assert reweigh(scaled, rows, weighting, NO_BUDGET).stale == 4
