import math
import pickle
import subprocess
import sys
from collections.abc import Sequence

import pytest
import torch

from advdistill.errors import ConfigError
from advdistill.interfaces import Scope
from advdistill.objective.likelihood import MIN_COMPLEMENT
from advdistill.objective.weighted_nll import Negative, Normaliser, WeightedNLL
from tests.unit.objective.steps import Row, assert_agrees, batch, found, responses, row, step


def objective(
    normaliser: Normaliser = Normaliser.tokens,
    negative: Negative = Negative.unlikelihood,
    constant: float = 1.0,
    *,
    allow_unbounded: bool = False,
) -> WeightedNLL:
    return WeightedNLL(
        normaliser=normaliser,
        constant=constant,
        negative=negative,
        allow_unbounded=allow_unbounded,
    )


def by_hand(
    rows: Sequence[Row], normaliser: Normaliser, negative: Negative
) -> tuple[float, list[list[float]]]:
    loss, slopes = 0.0, []
    for response in rows:
        scale = len(response.logprobs) if normaliser is Normaliser.sequences else 1
        weight = response.weight / scale
        slopes.append([])
        for logprob in response.logprobs:
            probability = math.exp(logprob)
            if weight >= 0 or negative is Negative.nll:
                loss += weight * -math.log(probability)
                slopes[-1].append(-weight)
            elif negative is Negative.unlikelihood:
                loss += -weight * -math.log(1 - probability)
                slopes[-1].append(-weight * probability / (1 - probability))
            else:
                slopes[-1].append(0.0)
    return loss, slopes


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("negative", Negative)
@pytest.mark.parametrize("normaliser", Normaliser)
def test_loss_and_slopes_are_those_of_the_formula(
    normaliser: Normaliser, negative: Negative, seed: int
) -> None:
    rows = step(seed)
    assert_agrees(objective(normaliser, negative), rows, *by_hand(rows, normaliser, negative))


@pytest.mark.parametrize(
    ("normaliser", "negative", "weights", "expected"),
    [
        ("tokens", "unlikelihood", [1.0, 1.0], 3 * math.log(2) + math.log(5)),
        ("tokens", "unlikelihood", [2.0, -0.5], 6 * math.log(2) + 0.5 * math.log(1.25)),
        ("constant", "unlikelihood", [2.0, -0.5], 6 * math.log(2) + 0.5 * math.log(1.25)),
        ("sequences", "unlikelihood", [2.0, -0.5], 3 * math.log(2) + 0.5 * math.log(1.25)),
        ("tokens", "drop", [2.0, -0.5], 6 * math.log(2)),
        ("tokens", "nll", [2.0, -0.5], 6 * math.log(2) - 0.5 * math.log(5)),
        ("sequences", "nll", [-1.0, 0.0], -1.5 * math.log(2)),
    ],
)
def test_worked_example(
    normaliser: str, negative: str, weights: list[float], expected: float
) -> None:
    """-log of 1/2 and 1/4 is 3 ln 2, of 1/5 ln 5; -log(1 - 1/5) is ln 1.25."""
    rows = [row(0.5, 0.25, weight=weights[0]), row(0.2, weight=weights[1])]
    loss, _ = found(objective(Normaliser(normaliser), Negative(negative)), rows)
    assert loss == pytest.approx(expected, rel=1e-12)


def test_unlikelihood_is_bounded_and_its_gradient_fades_with_the_probability() -> None:
    loss, _ = found(objective(), [row(1.0, weight=-1.0)])
    assert loss == pytest.approx(-math.log(MIN_COMPLEMENT))
    _, slopes = found(objective(), [row(1e-9, weight=-1.0)])
    assert slopes[0][0] == pytest.approx(1e-9, rel=1e-6)


def test_unlikelihood_keeps_its_digits_in_float32() -> None:
    loss, _ = found(objective(), [Row(logprobs=(-2e-4,), weight=-1.0)], torch.float32)
    assert loss == pytest.approx(-math.log(-math.expm1(-2e-4)), rel=1e-6)


@pytest.mark.parametrize("negative", Negative)
@pytest.mark.parametrize("normaliser", Normaliser)
def test_autograd_agrees_with_differences(normaliser: Normaliser, negative: Negative) -> None:
    whole = batch(step(4))

    def loss(logprobs_N: torch.Tensor) -> torch.Tensor:
        tokens = type(whole)(
            logprobs_N=logprobs_N, response_N=whole.response_N, responses=whole.responses
        )
        return objective(normaliser, negative).loss(tokens)

    assert torch.autograd.gradcheck(loss, whole.logprobs_N)


@pytest.mark.parametrize(
    ("normaliser", "negative", "weights", "expected"),
    [
        ("tokens", "unlikelihood", [1.0, 0.0, -1.0], 10.0),
        ("tokens", "drop", [1.0, 0.0, -1.0], 3.0),
        ("tokens", "nll", [1.0, 0.0, -1.0], 10.0),
        ("sequences", "unlikelihood", [1.0, 0.0, -1.0], 2.0),
        ("sequences", "drop", [1.0, 0.0, -1.0], 1.0),
        ("constant", "unlikelihood", [1.0, 0.0, -1.0], 4.0),
        ("tokens", "unlikelihood", [0.0, 0.0, 0.0], 0.0),
        ("constant", "unlikelihood", [0.0, 0.0, 0.0], 0.0),
        ("constant", "drop", [0.0, 0.0, -1.0], 0.0),
        ("sequences", "drop", [0.0, -2.0, -1.0], 0.0),
    ],
)
def test_denominator_counts_responses_that_have_a_loss(
    normaliser: str, negative: str, weights: list[float], expected: float
) -> None:
    rows = [
        Row(logprobs=(-1.0,) * length, weight=weight)
        for length, weight in zip([3, 5, 7], weights, strict=True)
    ]
    counted = objective(Normaliser(normaliser), Negative(negative), constant=4.0)
    assert counted.denominator(responses(rows)) == expected


@pytest.mark.parametrize(
    ("negative", "signed", "allow_unbounded", "objects"),
    [
        (Negative.nll, True, False, True),
        (Negative.nll, True, True, False),
        (Negative.nll, False, False, False),
        (Negative.unlikelihood, True, False, False),
        (Negative.drop, True, False, False),
    ],
)
def test_it_objects_to_an_unbounded_loss_without_consent(
    negative: Negative, signed: bool, allow_unbounded: bool, objects: bool
) -> None:
    asked = objective(negative=negative, allow_unbounded=allow_unbounded)
    objection = asked.objection(signed=signed)
    assert (objection is not None) == objects
    assert objection is None or "objective.allow_unbounded=true" in objection


def test_it_can_be_fed_by_parts() -> None:
    assert objective().scope is Scope.token


@pytest.mark.parametrize("constant", [0.0, -1.0, math.inf, math.nan])
def test_a_constant_that_divides_nothing_is_refused(constant: float) -> None:
    with pytest.raises(ConfigError, match=f"'weighted_nll': constant is {constant}; wanted"):
        objective(constant=constant)


def test_it_pickles_and_compares() -> None:
    assert pickle.loads(pickle.dumps(objective())) == objective()


def test_building_components_imports_no_heavy_library() -> None:
    names = ["dft", "dpo", "kto", "redi", "simpo", "topr", "weighted_nll"]
    modules = [f"advdistill.objective.{name}" for name in names] + ["advdistill.student.finetune"]
    heavy = "{'torch', 'transformers', 'accelerate'}"
    code = f"import sys, {', '.join(modules)}; sys.exit(', '.join({heavy} & set(sys.modules)) or 0)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
