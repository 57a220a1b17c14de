"""What every objective must honour, with each of its normalisers, on random steps.

Axes: `N` response tokens.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from enum import StrEnum
from math import inf, isfinite, nan
from random import Random
from typing import Any

import pytest
import torch

from advdistill.interfaces import Objective, Responses, Scope, TokenBatch
from advdistill.objective.dft import DFT
from tests.builders import options
from tests.cases import each
from tests.contract.components import component
from tests.unit.objective.steps import Row, batch, found, responses, step

VARIED: list[tuple[str, dict[str, Any]]] = [
    ("redi", {"alpha": 0.0}),
    ("dpo", {"label_smoothing": 0.2, "nll": 0.5}),
    ("kto", {"desirable": 1.3, "undesirable": 0.7}),
]
"""Settings beside those of the files, with which the same must hold."""


def _variants() -> list[tuple[str, Objective]]:
    """Return every option with each of its settings that is a choice, one changed at a time."""
    found: dict[Objective, str] = {}
    for option in options("objective"):
        pinned: Any = component("objective", option)
        found.setdefault(pinned, option)
        for name in [field.name for field in fields(pinned)]:
            value = getattr(pinned, name)
            for other in type(value) if isinstance(value, StrEnum) else ():
                found.setdefault(replace(pinned, **{name: other}), f"{option}-{name}={other}")
    for option, settings in VARIED:
        changed: Any = component("objective", option)
        found.setdefault(replace(changed, **settings), f"{option}-{settings}")
    return [(name, objective) for objective, name in found.items()]


VARIANTS = _variants()
every = pytest.mark.parametrize(
    "objective", [objective for _, objective in VARIANTS], ids=[name for name, _ in VARIANTS]
)
seeds = each("seed", range(3))


def _close(one: float, other: float) -> None:
    assert one == pytest.approx(other, rel=1e-9, abs=1e-11)


def _chosen(rows: Sequence[Row], places: Sequence[int]) -> list[Row]:
    return [rows[place] for place in places]


@every
@each("signed", [True, False])
def test_an_objection_names_the_setting_that_ends_it(objective: Any, signed: bool) -> None:
    objection = objective.objection(signed=signed)
    if objection is None:
        return
    assert objection.startswith("objective '")
    assert "wanted" in objection
    assert "objective.allow_unbounded=true" in objection
    assert replace(objective, allow_unbounded=True).objection(signed=signed) is None


@every
def test_what_has_a_bound_is_not_objected_to_and_what_has_none_is(objective: Objective) -> None:
    """All right answers, or all wrong ones, become as good as impossible."""
    rows = [
        replace(row, weight=-abs(row.weight), teacher=-2.0, reference=-2.0)
        for row in step(1, zeros=False)
    ]

    def impossible(row: Row) -> Row:
        return replace(row, logprobs=(-9e3,) * len(row.logprobs))

    lowest = min(
        found(objective, [impossible(row) if row.right is side else row for row in rows])[0]
        for side in (True, False)
    )
    assert (lowest < -100) == (objective.objection(signed=True) is not None)


@every
def test_without_weights_there_is_neither_loss_nor_slope_nor_step(objective: Objective) -> None:
    rows = [replace(row, weight=0.0) for row in step()]
    loss, slopes = found(objective, rows)
    assert loss == 0.0
    assert not any(slope for row in slopes for slope in row)
    assert objective.denominator(responses(rows)) == 0.0


@every
def test_a_process_without_responses_adds_nothing(objective: Objective) -> None:
    assert found(objective, []) == (0.0, [])
    assert objective.denominator(responses([])) == 0.0


@every
@each("rights", [True, False])
def test_answers_of_one_kind_alone_have_a_loss_with_a_slope(
    objective: Objective, rights: bool
) -> None:
    """Where there is no pair the slope is 0, but the loop still finds one."""
    rows = [replace(row, right=rights) for row in step()]
    loss, slopes = found(objective, rows)
    assert isfinite(loss)
    if objective.denominator(responses(rows)) == 0:
        assert loss == 0.0
        assert not any(slope for row in slopes for slope in row)


@every
@seeds
def test_a_step_with_both_kinds_is_divided_by_a_positive_number(
    objective: Objective, seed: int
) -> None:
    divisor = objective.denominator(responses(step(seed, zeros=False)))
    assert isinstance(divisor, float)
    assert divisor > 0


@every
@seeds
def test_weights_of_0_are_the_same_as_absence(objective: Objective, seed: int) -> None:
    rows = step(seed, zeros=False)
    draw = Random(seed)
    absent = {place for place in range(2, len(rows)) if draw.random() < 0.4}
    hollow = {"weight": 0.0, "teacher": nan, "reference": nan}
    muted = [
        replace(row, **hollow, logprobs=(-inf, 0.0, -1.0)) if place in absent else row
        for place, row in enumerate(rows)
    ]
    kept = [place for place in range(len(rows)) if place not in absent]
    loss, slopes = found(objective, muted)
    wanted, wanted_slopes = found(objective, _chosen(rows, kept))
    _close(loss, wanted)
    assert all(slopes[place] == [0.0] * 3 for place in absent)
    for place, wanted_row in zip(kept, wanted_slopes, strict=True):
        assert slopes[place] == pytest.approx(wanted_row, rel=1e-9, abs=1e-12)
    assert objective.denominator(responses(muted)) == objective.denominator(
        responses(_chosen(rows, kept))
    )


@every
@seeds
def test_the_order_of_responses_has_no_say(objective: Objective, seed: int) -> None:
    rows = step(seed)
    order = Random(seed).sample(range(len(rows)), len(rows))
    loss, slopes = found(objective, rows)
    turned, turned_slopes = found(objective, _chosen(rows, order))
    _close(turned, loss)
    for place, row in zip(order, turned_slopes, strict=True):
        assert row == pytest.approx(slopes[place], rel=1e-9, abs=1e-12)
    assert objective.denominator(responses(_chosen(rows, order))) == pytest.approx(
        objective.denominator(responses(rows))
    )


@every
@seeds
def test_parts_of_a_step_add_up(objective: Objective, seed: int) -> None:
    """Any tokens where the scope is the token, whole prompts where it is the step."""
    rows = step(seed)
    whole = batch(rows)
    draw = Random(seed)
    if objective.scope is Scope.token:
        part_N = torch.tensor([draw.randrange(4) for _ in whole.logprobs_N])
        parts = [
            TokenBatch(
                logprobs_N=whole.logprobs_N[part_N == part],
                response_N=whole.response_N[part_N == part],
                responses=whole.responses,
            )
            for part in range(4)
        ]
        losses = [objective.loss(part) for part in parts]
        (slopes_N,) = torch.autograd.grad(sum(losses, torch.zeros(())), whole.logprobs_N)
        _close(sum(loss.item() for loss in losses), objective.loss(whole).item())
        (wanted_N,) = torch.autograd.grad(objective.loss(whole), whole.logprobs_N)
        torch.testing.assert_close(slopes_N, wanted_N, rtol=1e-9, atol=1e-12)
    held = [draw.randrange(2) for _ in {row.group for row in rows}]
    shares = [[row for row in rows if held[row.group] == process] for process in range(2)]
    _close(sum(found(objective, share)[0] for share in shares), found(objective, rows)[0])


@every
@seeds
def test_a_weight_that_is_off_by_a_thousandth_is_seen(objective: Any, seed: int) -> None:
    rows = step(seed, zeros=False)
    loss, slopes = found(objective, rows)
    reads_signs_alone = isinstance(objective, DFT) and not objective.weighted
    seen = 0
    for place, row in enumerate(rows):
        if not any(slopes[place]):
            continue
        off = [*rows[:place], replace(row, weight=row.weight * 1.001), *rows[place + 1 :]]
        changed = abs(found(objective, off)[0] - loss) > 1e-7
        assert changed != reads_signs_alone
        seen += 1
    assert seen >= 2


@every
@each("dtype", [torch.float32, torch.float64])
@each("weight", [-1.5, 0.0, 1.5])
def test_probabilities_of_0_and_1_give_finite_losses_and_slopes(
    objective: Objective, weight: float, dtype: torch.dtype
) -> None:
    rows = [
        Row(
            logprobs=logprobs,
            weight=weight,
            right=right,
            group=group,
            teacher=-2.0,
            reference=-2.0,
        )
        for group, right in [(0, True), (0, False), (1, True), (2, False)]
        for logprobs in [(-inf,), (0.0,), (-inf, 0.0, -1.0), (-1e-30, -200.0)]
    ]
    loss, slopes = found(objective, rows, dtype)
    assert isfinite(loss)
    assert all(isfinite(slope) for row in slopes for slope in row)


@every
@seeds
def test_single_precision_agrees_with_double(objective: Objective, seed: int) -> None:
    rows = step(seed)
    loss, slopes = found(objective, rows)
    single, single_slopes = found(objective, rows, torch.float32)
    assert single == pytest.approx(loss, rel=1e-4, abs=1e-4)
    for one, other in zip(single_slopes, slopes, strict=True):
        assert one == pytest.approx(other, rel=1e-3, abs=1e-5)


@every
def test_it_reads_only_what_it_says_it_needs(objective: Objective) -> None:
    rows = step(2)
    for name, needed in [
        ("teacher", objective.needs_teacher),
        ("reference", objective.needs_reference),
    ]:
        without = [replace(row, **{name: nan}) for row in rows]
        assert (found(objective, without)[0] == found(objective, rows)[0]) == (not needed)


@every
def test_what_it_is_given_stays_as_it_is(objective: Objective) -> None:
    whole = batch(step(3))
    before = whole.logprobs_N.detach().clone()
    objective.loss(whole)
    known: Responses = responses(step(3))
    assert torch.equal(whole.logprobs_N.detach(), before)
    assert torch.equal(whole.responses.weights_B, known.weights_B)
