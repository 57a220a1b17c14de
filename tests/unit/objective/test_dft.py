import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from advdistill.errors import ConfigError
from advdistill.objective.dft import DFT, Negative
from advdistill.objective.normalising import Normaliser
from tests.unit.objective.steps import Row, assert_agrees, found, responses, row, step

OBJECTIVE = DFT(
    normaliser=Normaliser.tokens, constant=1.0, weighted=True, negative=Negative.unlikelihood
)


def by_hand(rows: Sequence[Row], objective: DFT) -> tuple[float, list[list[float]]]:
    loss, slopes = 0.0, []
    for response in rows:
        weight = response.weight
        if not objective.weighted:
            weight = 0.0 if weight == 0 else math.copysign(1, weight)
        if objective.normaliser is Normaliser.sequences:
            weight /= len(response.logprobs)
        slopes.append([])
        for logprob in response.logprobs:
            probability = math.exp(logprob)
            if weight >= 0 or objective.negative is Negative.dft:
                loss += -weight * probability * logprob
                # the derivative of a number times log p: p in front has none of its own
                slopes[-1].append(-weight * probability)
            elif objective.negative is Negative.unlikelihood:
                loss += weight * math.log(1 - probability)
                slopes[-1].append(-weight * probability / (1 - probability))
            else:
                slopes[-1].append(0.0)
    return loss, slopes


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("negative", Negative)
@pytest.mark.parametrize("normaliser", Normaliser)
def test_loss_and_slopes_are_those_of_the_formula(
    normaliser: Normaliser, negative: Negative, weighted: bool, seed: int
) -> None:
    objective = replace(OBJECTIVE, normaliser=normaliser, negative=negative, weighted=weighted)
    rows = step(seed)
    assert_agrees(objective, rows, *by_hand(rows, objective))


def test_the_paper_is_the_case_of_weights_of_1() -> None:
    rows = [row(0.5, 0.25), row(0.125)]
    assert found(replace(OBJECTIVE, weighted=False), rows) == found(OBJECTIVE, rows)
    loss, slopes = found(OBJECTIVE, rows)
    assert loss == pytest.approx((0.5 * 1 + 0.25 * 2 + 0.125 * 3) * math.log(2))
    assert slopes == [pytest.approx([-0.5, -0.25]), pytest.approx([-0.125])]


@pytest.mark.parametrize("negative", Negative)
def test_unweighted_reads_the_sign_alone(negative: Negative) -> None:
    objective = replace(OBJECTIVE, weighted=False, negative=negative)
    rows = [row(0.5, 0.3, weight=0.2), row(0.4, weight=-3.0), row(0.9, weight=0.0)]
    signs = [replace(one, weight=sign) for one, sign in zip(rows, [1.0, -1.0, 0.0], strict=True)]
    assert found(objective, rows) == found(objective, signs)


@pytest.mark.parametrize("negative", [Negative.unlikelihood, Negative.dft])
def test_the_slope_of_a_negative_weight_fades(negative: Negative) -> None:
    objective = replace(OBJECTIVE, negative=negative)
    assert found(objective, [row(1e-9, weight=-1.0)])[1][0] == pytest.approx([1e-9], rel=1e-6)


@pytest.mark.parametrize(
    ("normaliser", "negative", "expected"),
    [
        (Normaliser.tokens, Negative.unlikelihood, 3.0),
        (Normaliser.tokens, Negative.dft, 3.0),
        (Normaliser.tokens, Negative.drop, 2.0),
        (Normaliser.sequences, Negative.unlikelihood, 2.0),
        (Normaliser.sequences, Negative.drop, 1.0),
        (Normaliser.constant, Negative.drop, 7.0),
    ],
)
def test_denominator_counts_responses_that_have_a_loss(
    normaliser: Normaliser, negative: Negative, expected: float
) -> None:
    rows = [row(0.5, 0.5), row(0.5, weight=-2.0), row(0.5, 0.5, 0.5, weight=0.0)]
    objective = replace(OBJECTIVE, normaliser=normaliser, negative=negative, constant=7.0)
    assert objective.denominator(responses(rows)) == expected


def test_dropped_responses_alone_make_no_step() -> None:
    objective = replace(OBJECTIVE, negative=Negative.drop)
    assert objective.denominator(responses([row(0.5, weight=-1.0)])) == 0.0


def test_a_constant_of_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="'dft': constant is 0"):
        replace(OBJECTIVE, constant=0.0)
