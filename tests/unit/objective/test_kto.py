import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from advdistill.errors import ConfigError
from advdistill.interfaces import Scope, TokenBatch
from advdistill.objective.kto import KTO, Normaliser, ReferencePoint
from tests.unit.objective.steps import Row, assert_agrees, batch, found, responses, step

OBJECTIVE = KTO(
    normaliser=Normaliser.sequences,
    constant=1.0,
    beta=0.1,
    desirable=1.0,
    undesirable=1.0,
    reference_point=ReferencePoint.group,
)


def by_hand(rows: Sequence[Row], objective: KTO) -> tuple[float, list[list[float]]]:
    loss, slopes = 0.0, []
    for response in rows:
        beside = [one for one in rows if one.group == response.group and one.weight != 0]
        size = abs(response.weight)
        if objective.normaliser is Normaliser.prompts and size:
            size /= len(beside)
        point = 0.0
        if objective.reference_point is ReferencePoint.group and beside:
            raised = [sum(one.logprobs) - one.reference for one in beside]
            point = max(0.0, sum(raised) / len(raised))
        above = sum(response.logprobs) - response.reference - point
        side = 1 if response.right else -1
        size *= objective.desirable if response.right else objective.undesirable
        value = 1 / (1 + math.exp(-objective.beta * side * above))
        loss += size * (1 - value)
        # the reference point has no derivative of its own
        slope = -size * value * (1 - value) * objective.beta * side
        slopes.append([slope] * len(response.logprobs))
    return loss, slopes


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("beta", "desirable", "undesirable"), [(0.1, 1.0, 1.0), (1.5, 1.3, 0.4)])
@pytest.mark.parametrize("reference_point", ReferencePoint)
@pytest.mark.parametrize("normaliser", Normaliser)
def test_loss_and_slopes_are_those_of_the_formula(
    normaliser: Normaliser,
    reference_point: ReferencePoint,
    beta: float,
    desirable: float,
    undesirable: float,
    seed: int,
) -> None:
    rows = step(seed)
    objective = replace(
        OBJECTIVE,
        normaliser=normaliser,
        reference_point=reference_point,
        beta=beta,
        desirable=desirable,
        undesirable=undesirable,
    )
    assert_agrees(objective, rows, *by_hand(rows, objective))


@pytest.mark.parametrize(
    ("raised", "point"), [([3.0, -1.0], 1.0), ([1.0, -3.0], 0.0), ([2.0, 4.0], 3.0)]
)
def test_the_reference_point_is_the_prompts_mean_but_not_below_zero(
    raised: list[float], point: float
) -> None:
    rows = [Row(logprobs=(-1.0,), reference=-1.0 - value) for value in raised]
    elsewhere = Row(logprobs=(-1.0,), reference=-100.0, group=1, weight=0.0)
    loss, _ = found(replace(OBJECTIVE, beta=1.0), [*rows, elsewhere])
    assert loss == pytest.approx(sum(1 / (1 + math.exp(value - point)) for value in raised))


def test_autograd_agrees_with_differences_where_the_point_is_zero() -> None:
    objective = replace(OBJECTIVE, reference_point=ReferencePoint.zero, beta=0.7)
    whole = batch(step(4))

    def loss(logprobs_N: torch.Tensor) -> torch.Tensor:
        return objective.loss(
            TokenBatch(
                logprobs_N=logprobs_N, response_N=whole.response_N, responses=whole.responses
            )
        )

    assert torch.autograd.gradcheck(loss, whole.logprobs_N)


@pytest.mark.parametrize(
    ("normaliser", "expected"),
    [(Normaliser.sequences, 4.0), (Normaliser.prompts, 2.0), (Normaliser.constant, 7.0)],
)
def test_denominator_counts_responses_of_one_kind_only_too(
    normaliser: Normaliser, expected: float
) -> None:
    weights = [[1.0, -2.0, 0.0], [0.5, 0.5], [0.0]]
    rows = [
        Row(logprobs=(-1.0,), weight=weight, group=group)
        for group, beside in enumerate(weights)
        for weight in beside
    ]
    objective = replace(OBJECTIVE, normaliser=normaliser, constant=7.0)
    assert objective.denominator(responses(rows)) == expected


def test_it_wants_whole_prompts_and_the_base_student() -> None:
    assert OBJECTIVE.scope is Scope.step
    assert OBJECTIVE.needs_reference
    assert not OBJECTIVE.needs_teacher


@pytest.mark.parametrize("name", ["constant", "beta", "desirable", "undesirable"])
def test_settings_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"'kto': {name} is 0.0; wanted"):
        replace(OBJECTIVE, **{name: 0.0})
