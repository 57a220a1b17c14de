import math

import pytest
import torch

from advdistill.objective.likelihood import (
    MIN_COMPLEMENT,
    MIN_LOGPROB,
    floored_N,
    softplus,
    unlikelihood_N,
)

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


@DTYPES
def test_an_impossible_token_has_a_finite_loss_and_no_gradient(dtype: torch.dtype) -> None:
    logprobs_N = torch.tensor([-torch.inf, -3.0, 0.0], dtype=dtype, requires_grad=True)
    floored = floored_N(logprobs_N)
    floored.sum().backward()
    assert floored.tolist() == [MIN_LOGPROB, -3.0, 0.0]
    assert logprobs_N.grad is not None
    assert logprobs_N.grad.tolist() == [0.0, 1.0, 1.0]


@DTYPES
@pytest.mark.parametrize(
    ("logprob", "loss", "slope"),
    [
        (-math.inf, 0.0, 0.0),
        (math.log(0.5), math.log(2), 1.0),
        (math.log(0.9), math.log(10), 9.0),
        (math.log1p(-1e-4), -math.log(1e-4), 9999.0),
        (0.0, -math.log(MIN_COMPLEMENT), 0.0),
    ],
)
def test_unlikelihood_and_its_slope(
    logprob: float, loss: float, slope: float, dtype: torch.dtype
) -> None:
    logprobs_N = torch.tensor([logprob], dtype=dtype, requires_grad=True)
    found = unlikelihood_N(logprobs_N)
    found.sum().backward()
    assert logprobs_N.grad is not None
    assert found.item() == pytest.approx(loss, rel=2e-5)
    assert logprobs_N.grad.item() == pytest.approx(slope, rel=2e-5)


@DTYPES
@pytest.mark.parametrize(
    ("value", "expected", "slope"),
    [
        (0.0, math.log(2), 0.5),
        (2.0, math.log(1 + math.exp(2)), 1 / (1 + math.exp(-2))),
        (1e5, 1e5, 1.0),
        (-1e5, 0.0, 0.0),
    ],
)
def test_softplus_and_its_slope(
    value: float, expected: float, slope: float, dtype: torch.dtype
) -> None:
    values = torch.tensor([value], dtype=dtype, requires_grad=True)
    found = softplus(values)
    found.sum().backward()
    assert values.grad is not None
    assert found.item() == pytest.approx(expected)
    assert values.grad.item() == pytest.approx(slope)
