"""Which way each method moves right and wrong answers, with 1, 4 and 7 right ones of 8."""

from dataclasses import replace
from math import sqrt

import pytest

from tests.contract.components import component
from tests.unit.objective.steps import Row, found

UNIFORM, SIGNED = "uniform", "signed"
RAISED, LOWERED, LEFT = -1, 1, 0
"""The sign of the loss's derivative by a log-prob, against which the student goes."""


def group(right: int, weights: str) -> list[Row]:
    """Return 8 answers; signed weights are (reward - mean) / std of rewards of 1 and 0."""
    positive, negative = sqrt((8 - right) / right), -sqrt(right / (8 - right))
    return [
        Row(
            logprobs=(-0.5, -1.0 - number / 10, -0.2),
            weight=1.0 if weights == UNIFORM else positive if number < right else negative,
            right=number < right,
            teacher=-1.8,
            reference=-2.0 - number / 20,
        )
        for number in range(8)
    ]


@pytest.mark.parametrize("right", [1, 4, 7])
@pytest.mark.parametrize(
    ("option", "weights", "wrong"),
    [
        ("weighted_nll", UNIFORM, RAISED),
        ("weighted_nll", SIGNED, LOWERED),
        ("length_normalised", UNIFORM, RAISED),
        ("length_normalised", SIGNED, LOWERED),
        ("nll_drop", UNIFORM, RAISED),
        ("nll_drop", SIGNED, LEFT),
        ("signed_nll", UNIFORM, RAISED),
        ("signed_nll", SIGNED, LOWERED),
        ("asymre", UNIFORM, RAISED),
        ("asymre", SIGNED, LOWERED),
        ("dft", UNIFORM, RAISED),
        ("dft", SIGNED, LOWERED),
        ("dft_weighted", UNIFORM, RAISED),
        ("dft_weighted", SIGNED, LOWERED),
        ("topr", UNIFORM, RAISED),
        ("topr", SIGNED, LOWERED),
        ("topr_mean", UNIFORM, RAISED),
        ("topr_mean", SIGNED, LOWERED),
        ("redi", UNIFORM, LOWERED),
        ("redi", SIGNED, LOWERED),
        ("dpo", UNIFORM, LOWERED),
        ("dpo", SIGNED, LOWERED),
        ("rpo", UNIFORM, LOWERED),
        ("rpo", SIGNED, LOWERED),
        ("simpo", UNIFORM, LOWERED),
        ("simpo", SIGNED, LOWERED),
        ("kto", UNIFORM, LOWERED),
        ("kto", SIGNED, LOWERED),
    ],
)
def test_right_answers_are_raised_and_wrong_ones_as_the_method_says(
    option: str, weights: str, wrong: int, right: int
) -> None:
    _, slopes = found(component("objective", option), group(right, weights))
    signs = [{(slope > 0) - (slope < 0) for slope in row} for row in slopes]
    assert signs == [{RAISED}] * right + [{wrong}] * (8 - right)


def test_a_larger_weight_moves_an_answer_more() -> None:
    for option in ("weighted_nll", "redi", "topr", "dft_weighted", "dpo", "simpo", "kto"):
        rows = group(4, UNIFORM)
        heavy = [replace(rows[0], weight=3.0), *rows[1:]]
        before = found(component("objective", option), rows)[1][0]
        after = found(component("objective", option), heavy)[1][0]
        assert after == pytest.approx([3 * slope for slope in before])
