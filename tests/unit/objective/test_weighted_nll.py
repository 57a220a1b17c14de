"""Axes: `B` responses, `T` response tokens."""

import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from advdistill.errors import ConfigError
from advdistill.interfaces import TokenBatch
from advdistill.objective.weighted_nll import MIN_COMPLEMENT, Negative, Normaliser, WeightedNLL


def objective(
    normaliser: Normaliser = Normaliser.tokens,
    negative: Negative = Negative.unlikelihood,
    constant: float = 1.0,
) -> WeightedNLL:
    return WeightedNLL(
        normaliser=normaliser,
        constant=constant,
        negative=negative,
        allow_unbounded=negative is Negative.nll,
    )


def batch(probabilities: list[list[float]], weights: list[float]) -> TokenBatch:
    """Return the batch of these token probabilities; padding holds a number that must not count."""
    width = max(map(len, probabilities))
    logprobs = [[*map(math.log, row), *[-9.0] * (width - len(row))] for row in probabilities]
    mask = [[True] * len(row) + [False] * (width - len(row)) for row in probabilities]
    return TokenBatch(
        logprobs_BT=torch.tensor(logprobs, dtype=torch.float64, requires_grad=True),
        mask_BT=torch.tensor(mask),
        weights_B=torch.tensor(weights, dtype=torch.float64),
    )


HALVES = [[0.5, 0.25], [0.2]]
"""Worked by hand: -log is ln 2 + ln 4 = 3 ln 2 and ln 5; -log(1 - p) of the second is ln 1.25."""


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
    found = objective(Normaliser(normaliser), Negative(negative)).loss(batch(HALVES, weights))
    assert found.item() == pytest.approx(expected, rel=1e-12)


def test_unlikelihood_is_bounded_and_its_gradient_fades_with_the_probability() -> None:
    sure, unlikely = batch([[1.0]], [-1.0]), batch([[1e-9]], [-1.0])
    loss = objective().loss(sure)
    assert loss.item() == pytest.approx(-math.log(MIN_COMPLEMENT))
    objective().loss(unlikely).backward()
    assert unlikely.logprobs_BT.grad is not None
    assert unlikely.logprobs_BT.grad.item() == pytest.approx(1e-9, rel=1e-6)


def test_unlikelihood_keeps_its_digits_in_float32() -> None:
    logprob = -2e-4
    found = objective().loss(
        TokenBatch(
            logprobs_BT=torch.tensor([[logprob]]),
            mask_BT=torch.tensor([[True]]),
            weights_B=torch.tensor([-1.0]),
        )
    )
    assert found.item() == pytest.approx(-math.log(-math.expm1(logprob)), rel=1e-6)


def test_padding_has_neither_loss_nor_gradient() -> None:
    padded = batch([[0.5, 0.5], [0.5]], [1.0, -1.0])
    objective().loss(padded).backward()
    assert padded.logprobs_BT.grad is not None
    assert padded.logprobs_BT.grad[1, 1].item() == 0.0


@pytest.mark.parametrize(
    ("normaliser", "negative", "weights", "expected"),
    [
        ("tokens", "unlikelihood", [1.0, 0.0, -1.0], 10.0),
        ("tokens", "drop", [1.0, 0.0, -1.0], 3.0),
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
    found = objective(Normaliser(normaliser), Negative(negative), constant=4.0)
    assert found.denominator(np.array(weights), np.array([3, 5, 7])) == expected


def test_denominator_without_responses_is_zero() -> None:
    nothing = np.array([]), np.array([], dtype=np.int64)
    assert objective(Normaliser.constant).denominator(*nothing) == 0.0


def test_an_unbounded_loss_needs_consent() -> None:
    with pytest.raises(ConfigError, match="allow_unbounded: true"):
        WeightedNLL(
            normaliser=Normaliser.tokens,
            constant=1.0,
            negative=Negative.nll,
            allow_unbounded=False,
        )


def test_a_constant_of_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="constant is 0"):
        objective(constant=0.0)


def test_it_pickles_and_compares() -> None:
    assert pickle.loads(pickle.dumps(objective())) == objective()


@pytest.mark.parametrize(
    "module", ["advdistill.objective.weighted_nll", "advdistill.student.finetune"]
)
def test_building_it_imports_no_heavy_library(module: str) -> None:
    heavy = "{'torch', 'transformers', 'accelerate'}"
    code = f"import sys, {module}; sys.exit(', '.join({heavy} & set(sys.modules)) or 0)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
