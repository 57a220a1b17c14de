import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from advdistill.errors import ConfigError
from advdistill.interfaces import Scope, TokenBatch
from advdistill.objective.dpo import DPO
from advdistill.objective.pairs import PairNormaliser
from tests.unit.objective.pairwise import summed
from tests.unit.objective.steps import Row, assert_agrees, batch, found, responses, step

OBJECTIVE = DPO(
    normaliser=PairNormaliser.pairs,
    constant=1.0,
    beta=0.1,
    label_smoothing=0.0,
    nll=0.0,
    max_pairs=None,
)
SETTINGS = [(0.1, 0.0, 0.0), (2.0, 0.0, 0.0), (0.5, 0.2, 0.0), (0.5, 0.0, 1.0), (0.5, 0.1, 0.3)]


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def pair_of(
    beta: float, smoothing: float, nll: float
) -> Callable[[Row, Row], tuple[float, float, float]]:
    def pair(right: Row, wrong: Row) -> tuple[float, float, float]:
        raised_right = sum(right.logprobs) - right.reference
        raised_wrong = sum(wrong.logprobs) - wrong.reference
        margin = beta * (raised_right - raised_wrong)
        length = len(right.logprobs)
        loss = -(1 - smoothing) * math.log(sigmoid(margin))
        loss -= smoothing * math.log(sigmoid(-margin))
        loss -= nll * sum(right.logprobs) / length
        slope = beta * (smoothing * sigmoid(margin) - (1 - smoothing) * sigmoid(-margin))
        return loss, slope - nll / length, -slope

    return pair


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("beta", "smoothing", "nll"), SETTINGS)
@pytest.mark.parametrize("normaliser", PairNormaliser)
def test_loss_and_slopes_are_those_of_the_formula(
    normaliser: PairNormaliser, beta: float, smoothing: float, nll: float, seed: int
) -> None:
    rows = step(seed)
    objective = replace(
        OBJECTIVE, normaliser=normaliser, beta=beta, label_smoothing=smoothing, nll=nll
    )
    assert_agrees(objective, rows, *summed(rows, normaliser, pair_of(beta, smoothing, nll)))


def test_closed_form_of_one_pair() -> None:
    right = Row(logprobs=(-1.0, -0.5), reference=-2.5)
    wrong = Row(logprobs=(-3.0,), reference=-2.0, right=False)
    loss, slopes = found(replace(OBJECTIVE, beta=1.0), [right, wrong])
    assert loss == pytest.approx(math.log(1 + math.exp(-2.0)))
    assert slopes == [pytest.approx([-sigmoid(-2.0)] * 2), pytest.approx([sigmoid(-2.0)])]


def test_a_student_that_is_its_base_has_log_2_and_half_of_beta() -> None:
    rows = [
        Row(logprobs=(-1.0, -2.0), reference=-3.0),
        Row(logprobs=(-1.5,), reference=-1.5, right=False),
    ]
    loss, slopes = found(OBJECTIVE, rows)
    assert loss == pytest.approx(math.log(2))
    assert slopes == [pytest.approx([-0.05, -0.05]), pytest.approx([0.05])]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("reference", "loss", "slope"), [(1e6, 1e5, -0.1), (-1e6, 0.0, 0.0)])
def test_a_margin_beyond_measure_is_finite(
    reference: float, loss: float, slope: float, dtype: torch.dtype
) -> None:
    rows = [
        Row(logprobs=(-1.0,), reference=reference),
        Row(logprobs=(-1.0,), reference=0.0, right=False),
    ]
    loss_found, slopes = found(OBJECTIVE, rows, dtype)
    assert loss_found == pytest.approx(loss, rel=1e-5)
    assert slopes[0] == pytest.approx([slope])


@pytest.mark.parametrize(("beta", "smoothing", "nll"), SETTINGS)
def test_autograd_agrees_with_differences(beta: float, smoothing: float, nll: float) -> None:
    objective = replace(OBJECTIVE, beta=beta, label_smoothing=smoothing, nll=nll)
    whole = batch(step(4))

    def loss(logprobs_N: torch.Tensor) -> torch.Tensor:
        return objective.loss(
            TokenBatch(
                logprobs_N=logprobs_N, response_N=whole.response_N, responses=whole.responses
            )
        )

    assert torch.autograd.gradcheck(loss, whole.logprobs_N)


def test_at_most_as_many_pairs_as_asked_count() -> None:
    rows = [Row(logprobs=(-1.0,), reference=-1.0, right=number < 4) for number in range(8)]
    for asked, pairs in [(None, 16), (5, 5), (16, 16), (99, 16)]:
        objective = replace(OBJECTIVE, max_pairs=asked)
        assert objective.denominator(responses(rows)) == pairs
        assert found(objective, rows)[0] == pytest.approx(pairs * math.log(2))


@pytest.mark.parametrize(
    ("normaliser", "expected"),
    [(PairNormaliser.pairs, 5.0), (PairNormaliser.prompts, 2.0), (PairNormaliser.constant, 7.0)],
)
def test_denominator(normaliser: PairNormaliser, expected: float) -> None:
    verdicts = [[True, False], [True, True, False, False], [True, True], [False]]
    rows = [
        Row(logprobs=(-1.0,), right=right, group=group)
        for group, rights in enumerate(verdicts)
        for right in rights
    ]
    objective = replace(OBJECTIVE, normaliser=normaliser, constant=7.0)
    assert objective.denominator(responses(rows)) == expected
    assert objective.denominator(responses(rows[6:])) == 0.0


def test_it_wants_whole_prompts_and_the_base_student() -> None:
    assert OBJECTIVE.scope is Scope.step
    assert OBJECTIVE.needs_reference
    assert not OBJECTIVE.needs_teacher


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("constant", 0.0),
        ("beta", 0.0),
        ("beta", math.nan),
        ("label_smoothing", 0.5),
        ("label_smoothing", -0.1),
        ("nll", -1.0),
        ("max_pairs", 0),
    ],
)
def test_settings_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"'dpo': {name} is {value}; wanted"):
        replace(OBJECTIVE, **{name: value})
