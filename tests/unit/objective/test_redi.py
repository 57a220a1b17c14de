from collections.abc import Sequence
from dataclasses import replace

import pytest

from advdistill.errors import ConfigError
from advdistill.objective.redi import REDI, Normaliser
from tests.unit.objective.steps import Row, assert_agrees, found, responses, row, step

OBJECTIVE = REDI(normaliser=Normaliser.sequences, constant=1.0, alpha=0.8, allow_unbounded=False)


def by_hand(rows: Sequence[Row], alpha: float) -> tuple[float, list[list[float]]]:
    loss, slopes = 0.0, []
    for response in rows:
        size = abs(response.weight) / len(response.logprobs)
        slope = -size if response.right else alpha * size
        loss += slope * sum(response.logprobs)
        slopes.append([slope for _ in response.logprobs])
    return loss, slopes


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("normaliser", Normaliser)
def test_loss_and_slopes_are_those_of_the_formula(
    normaliser: Normaliser, alpha: float, seed: int
) -> None:
    rows = step(seed)
    objective = replace(OBJECTIVE, normaliser=normaliser, alpha=alpha)
    assert_agrees(objective, rows, *by_hand(rows, alpha))


def test_a_pair_has_half_the_papers_loss() -> None:
    rows = [row(0.5, 0.2), row(0.3, 0.3, 0.9, right=False)]
    right, wrong = sum(rows[0].logprobs), sum(rows[1].logprobs)
    loss, _ = found(OBJECTIVE, rows)
    assert loss / OBJECTIVE.denominator(responses(rows)) == pytest.approx(
        (-right / 2 + 0.8 * wrong / 3) / 2
    )


@pytest.mark.parametrize(
    ("normaliser", "alpha", "expected"),
    [
        (Normaliser.sequences, 0.8, 3.0),
        (Normaliser.sequences, 0.0, 1.0),
        (Normaliser.constant, 0.8, 7.0),
    ],
)
def test_denominator_counts_responses_that_have_a_loss(
    normaliser: Normaliser, alpha: float, expected: float
) -> None:
    rows = [
        row(0.5, 0.5, weight=-0.3),
        row(0.5, right=False),
        row(0.5, weight=-1.0, right=False),
        row(0.5, weight=0.0),
    ]
    objective = replace(OBJECTIVE, normaliser=normaliser, alpha=alpha, constant=7.0)
    assert objective.denominator(responses(rows)) == expected


def test_wrong_answers_alone_make_no_step_without_alpha() -> None:
    assert replace(OBJECTIVE, alpha=0.0).denominator(responses([row(0.5, right=False)])) == 0.0


@pytest.mark.parametrize("signed", [True, False])
def test_it_objects_without_consent_whatever_the_weights(signed: bool) -> None:
    objection = OBJECTIVE.objection(signed=signed)
    assert objection is not None
    assert "alpha is 0.8" in objection
    assert "objective.allow_unbounded=true" in objection
    assert replace(OBJECTIVE, allow_unbounded=True).objection(signed=signed) is None
    assert replace(OBJECTIVE, alpha=0.0).objection(signed=signed) is None


def test_a_negative_alpha_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'redi': alpha is -0\.1; wanted 0 or more"):
        replace(OBJECTIVE, alpha=-0.1)
