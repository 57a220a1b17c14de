"""The step as it is trained - packed, fused, in chunks and passes - against the plain reference."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from advdistill.interfaces import Packing
from advdistill.student.attention import tree_attention
from advdistill.student.batches import Row, encode
from advdistill.student.forward import PassLoss
from advdistill.student.gradient import accumulate, responses_of
from advdistill.student.packing import MicroBatch, micro_batches
from tests.builders import options
from tests.contract.components import component
from tests.tiny import END, byte_tokenizer, pool
from tests.unit.student.reference_step import (
    Step,
    gap,
    gradients,
    knowing_model,
    reference,
    response_logprobs,
    widest_gap,
)

IN_DOUBLE = 1e-6
IN_SINGLE = 1e-5
OF_THE_LOSS = 1e-6
VOCABULARY = len(byte_tokenizer())
CHUNK_BYTES = 5 * VOCABULARY * 8
"""Five tokens in double, so that responses are cut by chunks."""

OBJECTIVES: dict[str, Any] = {name: component("objective", name) for name in options("objective")}
NORMALISED = {  # of those that differ by nothing else, one
    replace(objective, normaliser=normaliser, constant=7.0): f"{name}-{normaliser}"
    for name, objective in reversed(OBJECTIVES.items())
    for normaliser in type(objective.normaliser).__members__.values()
}
CASES = [pytest.param(objective, id=name) for objective, name in NORMALISED.items()]


@dataclass(frozen=True)
class Setting:
    """A model and the rows of one step."""

    model: PreTrainedModel
    single: PreTrainedModel
    """The same in float32."""
    rows: list[Row]


@pytest.fixture(scope="module")
def setting() -> Setting:
    """Weights of both signs and 0; verdicts that do not follow them; a prompt of one response."""
    ones = [replace(one, weight=1.0) for one in pool(4, 4)][:13]
    found = encode(ones, end=END, max_tokens=256)
    bare = [row for group in found.by_prompt.values() for row in group]
    model = knowing_model(bare, VOCABULARY)
    draw = Random(0)
    with torch.no_grad():
        known = [float(logprobs_T.sum()) for logprobs_T in response_logprobs(model, bare)]
    rows = [
        replace(
            row,
            weight=0.0 if i == 5 else draw.uniform(0.2, 2.0) * (-1 if i % 3 == 1 else 1),
            right=i % 5 in (0, 1, 3),
            teacher=logprob + draw.uniform(-1, 2),
            reference=logprob + draw.uniform(-2, 2),
        )
        for i, (row, logprob) in enumerate(zip(bare, known, strict=True))
    ]
    return Setting(model, deepcopy(model).float(), rows)


def ours(
    model: PreTrainedModel,
    rows: Sequence[Row],
    objective: Any,
    *,
    passes: Sequence[MicroBatch] | None = None,
    alone: bool = True,
    chunk_bytes: int = CHUNK_BYTES,
) -> Step:
    """Return the step by the path of a training; without passes, rows that cut prompts in two."""
    if passes is None:
        passes = micro_batches(rows, packing=Packing.auto, row_tokens=60)
    responses = responses_of(rows)
    model.zero_grad()
    with tree_attention(model):
        found = accumulate(
            PassLoss(model, alone=alone, chunk_bytes=chunk_bytes),
            responses,
            passes,
            objective=objective,
            denominator=objective.denominator(responses),
            backward=torch.Tensor.backward,
        )
    return Step(found.loss, gradients(model))


def agree(found: Step, wanted: Step, tolerance: float = IN_DOUBLE) -> bool:
    """Return whether two steps are the same: loss, gradient and, in double, each tensor of it."""
    each = widest_gap(found, wanted) <= tolerance or tolerance > IN_DOUBLE
    same_loss = abs(found.loss - wanted.loss) <= OF_THE_LOSS * abs(wanted.loss)
    return same_loss and gap(found, wanted) <= tolerance and each


def one_pass(rows: Sequence[Row]) -> list[MicroBatch]:
    return micro_batches(rows, packing=Packing.auto, row_tokens=10**6)


def test_the_step_cuts_prompts_and_responses(setting: Setting) -> None:
    passes = micro_batches(setting.rows, packing=Packing.auto, row_tokens=60)
    prompts = [{setting.rows[i].prompt_id for i in batch.response_N.unique()} for batch in passes]
    assert len(passes) > 2
    assert any(one & other for one in prompts for other in prompts if one is not other)
    assert any(len(batch.targets_N) > 2 * 10 for batch in passes)
    signs = {(row.weight > 0) - (row.weight < 0) for row in setting.rows}
    assert signs == {-1, 0, 1}
    assert {(row.weight > 0, row.right) for row in setting.rows if row.weight} == {
        (sign, right) for sign in (True, False) for right in (True, False)
    }


@pytest.mark.parametrize("objective", CASES)
def test_loss_and_gradient_equal_the_formulas(setting: Setting, objective: Any) -> None:
    wanted = reference(setting.model, setting.rows, objective)
    assert agree(ours(setting.model, setting.rows, objective), wanted)
    single = ours(setting.single, setting.rows, objective)
    assert agree(single, wanted, IN_SINGLE)


@pytest.mark.parametrize("row_tokens", [1, 64, 150, 10**6])
@pytest.mark.parametrize("packing", list(Packing))
@pytest.mark.parametrize("name", ["weighted_nll", "kto"])
def test_neither_packing_nor_the_passes_change_anything(
    setting: Setting, name: str, packing: Packing, row_tokens: int
) -> None:
    objective = OBJECTIVES[name]
    wanted = reference(setting.model, setting.rows, objective)
    passes = micro_batches(setting.rows, packing=packing, row_tokens=row_tokens)
    if row_tokens == 1:
        assert len(passes) == len(setting.rows)
    assert agree(ours(setting.model, setting.rows, objective, passes=passes), wanted)


@pytest.mark.parametrize("name", ["weighted_nll", "dpo"])
def test_a_pass_for_each_of_eight_responses_equals_one_for_all(setting: Setting, name: str) -> None:
    rows, objective = setting.rows[:8], OBJECTIVES[name]
    wanted = reference(setting.model, rows, objective)
    eight = micro_batches(rows, packing=Packing.auto, row_tokens=1)
    assert (len(eight), len(one_pass(rows))) == (8, 1)
    for passes in (eight, one_pass(rows)):
        assert agree(ours(setting.model, rows, objective, passes=passes), wanted)
        single = ours(setting.single, rows, objective, passes=passes)
        assert agree(single, wanted, IN_SINGLE)


@pytest.mark.parametrize("chunk_bytes", [1, CHUNK_BYTES, 10**9])
@pytest.mark.parametrize("alone", [True, False])
def test_neither_the_chunks_nor_where_the_gradient_is_summed_change_anything(
    setting: Setting, alone: bool, chunk_bytes: int
) -> None:
    objective = OBJECTIVES["weighted_nll"]
    wanted = reference(setting.model, setting.rows, objective)
    found = ours(setting.model, setting.rows, objective, alone=alone, chunk_bytes=chunk_bytes)
    assert agree(found, wanted)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_order_of_prompts_responses_and_passes_changes_nothing(
    setting: Setting, name: str
) -> None:
    objective, draw = OBJECTIVES[name], Random(1)
    wanted = reference(setting.model, setting.rows, objective)
    names = list(dict.fromkeys(row.prompt_id for row in setting.rows))
    draw.shuffle(names)
    rows = sorted(
        draw.sample(setting.rows, len(setting.rows)), key=lambda r: names.index(r.prompt_id)
    )
    passes = micro_batches(rows, packing=Packing.auto, row_tokens=60)
    draw.shuffle(passes)
    assert agree(ours(setting.model, rows, objective, passes=passes), wanted)


def with_say(objective: Any, rows: Sequence[Row]) -> list[int]:
    """Return the rows that the objective reads: of a prompt's only response there is no pair."""
    prompts = [row.prompt_id for row in rows]
    paired = type(objective).__name__ in ("DPO", "SimPO")
    return [i for i, row in enumerate(rows) if not paired or prompts.count(row.prompt_id) > 1]


def with_size(objective: Any, rows: Sequence[Row]) -> list[int]:
    """Return those of whose weight it reads more than the sign."""
    kind = type(objective).__name__
    if kind == "DFT" and not objective.weighted:
        return []
    drops = kind in ("WeightedNLL", "DFT") and objective.negative.value == "drop"
    return [i for i in with_say(objective, rows) if not drops or rows[i].weight >= 0]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_it_sees_any_one_weight_that_is_off_by_a_thousandth(setting: Setting, name: str) -> None:
    objective, rows = OBJECTIVES[name], setting.rows
    wanted = reference(setting.model, rows, objective)
    assert agree(ours(setting.model, rows, objective, passes=one_pass(rows)), wanted)
    for i in with_size(objective, rows):
        wrong = [*rows]
        wrong[i] = replace(rows[i], weight=rows[i].weight + 1e-3)
        found = ours(setting.model, wrong, objective, passes=one_pass(wrong), chunk_bytes=10**9)
        assert not agree(found, wanted), f"weight {i}"


@pytest.mark.parametrize("name", OBJECTIVES)
def test_it_sees_a_sign_and_a_verdict_that_are_swapped(setting: Setting, name: str) -> None:
    objective, rows = OBJECTIVES[name], setting.rows
    wanted = reference(setting.model, rows, objective)
    by_verdict = type(objective).__name__ in ("REDI", "DPO", "SimPO", "KTO")
    for i in with_say(objective, rows):
        row, wrong = rows[i], [*rows]
        if row.weight == 0:
            continue
        wrong[i] = (
            replace(row, right=not row.right) if by_verdict else replace(row, weight=-row.weight)
        )
        found = ours(setting.model, wrong, objective, passes=one_pass(wrong), chunk_bytes=10**9)
        assert not agree(found, wanted), f"response {i}"


def shortened(rows: Sequence[Row], place: int) -> list[Row]:
    """Return the rows, one of them without its last token."""
    found = [*rows]
    found[place] = replace(rows[place], length=rows[place].length - 1)
    return found


def without_a_token(batch: MicroBatch) -> MicroBatch:
    return replace(
        batch,
        predicting_N=batch.predicting_N[:-1],
        targets_N=batch.targets_N[:-1],
        response_N=batch.response_N[:-1],
    )


def shifted(batch: MicroBatch) -> MicroBatch:
    return replace(batch, predicting_N=batch.predicting_N + 1)


def of_the_neighbour(batch: MicroBatch) -> MicroBatch:
    return replace(batch, response_N=batch.response_N.roll(1))


@pytest.mark.parametrize("name", ["weighted_nll", "length_normalised", "simpo", "topr_mean"])
@pytest.mark.parametrize("place", [0, 7, 11])
def test_it_sees_a_response_that_lost_a_token(setting: Setting, name: str, place: int) -> None:
    objective, rows = OBJECTIVES[name], setting.rows
    wanted = reference(setting.model, rows, objective)
    assert not agree(ours(setting.model, shortened(rows, place), objective), wanted)


@pytest.mark.parametrize("name", ["weighted_nll", "length_normalised", "simpo", "topr_mean"])
@pytest.mark.parametrize("change", [without_a_token, shifted, of_the_neighbour])
def test_it_sees_a_token_that_is_dropped_shifted_or_of_another_response(
    setting: Setting, name: str, change: Callable[[MicroBatch], MicroBatch]
) -> None:
    objective, rows = OBJECTIVES[name], setting.rows
    wanted = reference(setting.model, rows, objective)
    first, *others = micro_batches(rows, packing=Packing.padded, row_tokens=300)
    found = ours(setting.model, rows, objective, passes=[change(first), *others])
    assert not agree(found, wanted)
