import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from advdistill.errors import ConfigError, DataError
from advdistill.interfaces import Scope
from advdistill.objective.normalising import Normaliser
from advdistill.objective.topr import TOPR, Ratio
from tests.unit.objective.steps import Row, assert_agrees, found, responses, row, step

OBJECTIVE = TOPR(normaliser=Normaliser.tokens, constant=1.0, ratio=Ratio.sequence)


def by_hand(rows: Sequence[Row], objective: TOPR) -> tuple[float, list[list[float]]]:
    loss, slopes = 0.0, []
    for response in rows:
        length = len(response.logprobs)
        weight = response.weight
        if weight < 0:
            ratio = math.exp(sum(response.logprobs)) / math.exp(response.teacher)
            if objective.ratio is Ratio.mean:
                ratio = ratio ** (1 / length)
            weight *= min(1.0, ratio)
        if objective.normaliser is Normaliser.sequences:
            weight /= length
        loss += -weight * sum(response.logprobs)
        # the derivative of a number times the log-prob: the ratio has none of its own
        slopes.append([-weight] * length)
    return loss, slopes


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ratio", Ratio)
@pytest.mark.parametrize("normaliser", Normaliser)
def test_loss_and_slopes_are_those_of_the_formula(
    normaliser: Normaliser, ratio: Ratio, seed: int
) -> None:
    rows = step(seed)
    objective = replace(OBJECTIVE, normaliser=normaliser, ratio=ratio)
    assert_agrees(objective, rows, *by_hand(rows, objective))


@pytest.mark.parametrize(
    ("teacher", "taper"), [(math.log(0.1), 1.0), (math.log(0.25), 1.0), (math.log(0.5), 0.5)]
)
def test_a_negative_weight_is_tapered_where_the_teacher_is_likelier(
    teacher: float, taper: float
) -> None:
    rows = [replace(row(0.5, 0.5, weight=-1.0), teacher=teacher)]
    assert found(OBJECTIVE, rows)[1] == [pytest.approx([taper, taper])]


def test_the_loss_of_a_negative_weight_has_a_bound() -> None:
    rows = [Row(logprobs=(logprob,), weight=-1.0, teacher=-2.0) for logprob in range(-400, 1)]
    assert min(found(OBJECTIVE, [one])[0] for one in rows) == pytest.approx(-2.0)
    assert found(OBJECTIVE, rows[:1])[1][0][0] < 1e-150


def test_the_ratio_of_a_long_response_vanishes_but_its_mean_does_not() -> None:
    long = Row(logprobs=(-1.0,) * 300, weight=-1.0, teacher=-150.0)
    assert found(OBJECTIVE, [long])[1][0][0] < 1e-60
    _, slopes = found(replace(OBJECTIVE, ratio=Ratio.mean), [long])
    assert slopes[0][0] == pytest.approx(math.exp(-0.5))


def test_positive_weights_need_no_teacher() -> None:
    rows = [row(0.5, 0.2), row(0.3, weight=0.0)]
    loss, slopes = found(OBJECTIVE, rows)
    assert loss == pytest.approx(-sum(rows[0].logprobs))
    assert slopes == [[-1.0, -1.0], [0.0]]
    assert OBJECTIVE.denominator(responses(rows)) == 2.0


def test_a_negative_weight_without_the_teachers_logprob_stops_the_step() -> None:
    rows = [row(0.5), row(0.5, weight=-1.0), replace(row(0.5, weight=-1.0), teacher=-1.0)]
    with pytest.raises(DataError, match="1 of 2 responses of negative weight"):
        OBJECTIVE.denominator(responses(rows))


@pytest.mark.parametrize(
    ("normaliser", "expected"),
    [(Normaliser.tokens, 3.0), (Normaliser.sequences, 2.0), (Normaliser.constant, 7.0)],
)
def test_denominator_counts_responses_of_either_sign(
    normaliser: Normaliser, expected: float
) -> None:
    rows = [row(0.5, 0.5), Row(logprobs=(-1.0,), weight=-2.0, teacher=-1.0), row(0.5, weight=0.0)]
    objective = replace(OBJECTIVE, normaliser=normaliser, constant=7.0)
    assert objective.denominator(responses(rows)) == expected


def test_it_wants_whole_responses_and_the_teacher() -> None:
    assert OBJECTIVE.scope is Scope.step
    assert OBJECTIVE.needs_teacher
    assert not OBJECTIVE.needs_reference


def test_a_constant_of_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="'topr': constant is 0"):
        replace(OBJECTIVE, constant=0.0)
