"""The head fused with the loss, against autograd on the whole logits.

Axes: `N` response tokens, `D` width of the model, `V` vocabulary.
"""

from dataclasses import dataclass, replace
from math import inf

import pytest
import torch

from advdistill.student.head import Head, fused_loss, logprobs

WIDTH, VOCABULARY, TOKENS = 8, 50, 23
FEW = 4 * VOCABULARY * 8
"""Bytes of the logits of four tokens in double."""


@dataclass(frozen=True)
class Case:
    """Tokens before a head, and a loss that is not linear in the log-probs."""

    hidden_ND: torch.Tensor
    head: Head
    targets_N: torch.Tensor
    weights_N: torch.Tensor

    def loss(self, logprobs_N: torch.Tensor, part: slice) -> torch.Tensor:
        return (self.weights_N[part] * (logprobs_N.exp() - logprobs_N)).sum()

    @property
    def leaves(self) -> list[torch.Tensor]:
        made = (self.hidden_ND, self.head.weight_VD, self.head.bias_V)
        return [leaf for leaf in made if leaf is not None and leaf.requires_grad]


def case(
    *,
    dtype: torch.dtype = torch.float64,
    bias: bool = True,
    frozen: bool = False,
    tokens: int = TOKENS,
) -> Case:
    draw = torch.Generator().manual_seed(0)

    def drawn(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=draw, dtype=torch.float64).to(dtype)

    targets_N = torch.randint(0, VOCABULARY, (tokens,), generator=draw)
    targets_N[:2] = torch.tensor([0, VOCABULARY - 1])
    return Case(
        hidden_ND=drawn(tokens, WIDTH).requires_grad_(),
        head=Head(
            weight_VD=drawn(VOCABULARY, WIDTH).requires_grad_(not frozen),
            bias_V=drawn(VOCABULARY).requires_grad_(not frozen) if bias else None,
            chunk_bytes=FEW,
        ),
        targets_N=targets_N,
        weights_N=drawn(tokens).float() if dtype is torch.bfloat16 else drawn(tokens),
    )


def whole(case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    """Return loss and logprobs_N from all logits at once, in double."""
    logits_NV = case.hidden_ND.double() @ case.head.weight_VD.double().T
    if case.head.bias_V is not None:
        logits_NV = logits_NV + case.head.bias_V.double()
    logprobs_N = logits_NV.log_softmax(1).gather(1, case.targets_N[:, None])[:, 0]
    return case.loss(logprobs_N, slice(None)), logprobs_N


def gap(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found.double() - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("chunk_bytes", [1, FEW, 10**9])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("compiles", [False, True])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)], ids=str
)
def test_loss_and_gradients_equal_those_of_the_whole_logits(
    dtype: torch.dtype, tolerance: float, compiles: bool, bias: bool, chunk_bytes: int
) -> None:
    made = case(dtype=dtype, bias=bias)
    head = replace(made.head, chunk_bytes=chunk_bytes, compile=compiles)
    with torch.compiler.set_stance("force_eager"):  # what would be compiled, as it is written
        loss, logprobs_N = fused_loss(made.hidden_ND, head, made.targets_N, made.loss)
    wanted, wanted_N = whole(made)
    assert gap(loss.detach(), wanted.detach()) < tolerance
    assert gap(logprobs_N, wanted_N.detach()) < tolerance
    assert not logprobs_N.requires_grad
    found = torch.autograd.grad(loss, made.leaves)
    for one, other in zip(found, torch.autograd.grad(wanted, made.leaves), strict=True):
        assert one.dtype is dtype
        assert gap(one, other.double()) < tolerance


@pytest.mark.parametrize("tokens", [63, 64, 65, 128, 150])
def test_chunks_of_whole_registers_and_the_rest_equal_the_whole_logits(tokens: int) -> None:
    made = case(tokens=tokens)
    head = replace(made.head, chunk_bytes=FEW // 4 * 100)
    loss, logprobs_N = fused_loss(made.hidden_ND, head, made.targets_N, made.loss)
    wanted, wanted_N = whole(made)
    assert gap(logprobs_N, wanted_N.detach()) < 1e-12
    found = torch.autograd.grad(loss, made.leaves)
    for one, other in zip(found, torch.autograd.grad(wanted, made.leaves), strict=True):
        assert gap(one, other) < 1e-12


def test_a_factor_of_the_loss_is_one_of_the_gradients() -> None:
    made = case()
    loss, _ = fused_loss(made.hidden_ND, made.head, made.targets_N, made.loss)
    found = torch.autograd.grad(-3 * loss, made.leaves)
    wanted = torch.autograd.grad(-3 * whole(made)[0], made.leaves)
    for one, other in zip(found, wanted, strict=True):
        assert gap(one, other) < 1e-12


def test_a_sum_of_gradients_is_added_to_in_place_and_autograd_has_none() -> None:
    made = case()
    sum_VD = torch.ones(VOCABULARY, WIDTH, dtype=torch.float64)
    head = replace(made.head, sum_VD=sum_VD)
    loss, _ = fused_loss(made.hidden_ND, head, made.targets_N, made.loss)
    loss.backward()
    (wanted,) = torch.autograd.grad(whole(made)[0], made.head.weight_VD)
    assert gap(sum_VD - 1, wanted) < 1e-12
    assert made.head.weight_VD.grad is None
    assert made.hidden_ND.grad is not None


def test_a_frozen_head_has_no_gradient_and_passes_one_on() -> None:
    made = case(frozen=True)
    loss, _ = fused_loss(made.hidden_ND, made.head, made.targets_N, made.loss)
    loss.backward()
    (wanted,) = torch.autograd.grad(whole(made)[0], made.hidden_ND)
    assert made.hidden_ND.grad is not None
    assert gap(made.hidden_ND.grad, wanted) < 1e-12
    assert made.head.weight_VD.grad is None


def test_autograd_keeps_the_gradient_of_the_weight_without_a_copy() -> None:
    made = case()
    loss, _ = fused_loss(made.hidden_ND, made.head, made.targets_N, made.loss)
    made_VD = loss.grad_fn.slopes[1]  # type: ignore[union-attr] - what `_Fused` leaves on its node
    address = made_VD.data_ptr()
    del made_VD
    loss.backward()
    assert made.head.weight_VD.grad is not None
    assert made.head.weight_VD.grad.data_ptr() == address


def test_a_token_without_weight_has_no_gradient_at_all_however_large_its_logits() -> None:
    made = case(dtype=torch.float32)
    with torch.no_grad():
        made.hidden_ND[5:9] *= 1e6
    made.weights_N[5:9] = 0
    loss, _ = fused_loss(made.hidden_ND, made.head, made.targets_N, made.loss)
    found = torch.autograd.grad(loss, made.leaves)
    assert torch.isfinite(loss)
    assert (found[0][5:9] == 0).all()
    kept = [i for i in range(TOKENS) if not 5 <= i < 9]
    fewer = replace(
        made,
        hidden_ND=made.hidden_ND[kept].detach().requires_grad_(),
        targets_N=made.targets_N[kept],
        weights_N=made.weights_N[kept],
    )
    wanted = torch.autograd.grad(whole(fewer)[0], fewer.leaves)
    assert gap(found[0][kept], wanted[0].double()) < 1e-6
    assert gap(found[1], wanted[1].double()) < 1e-6
    assert gap(found[2], wanted[2].double()) < 1e-6


def test_tokens_that_a_bias_rules_out_have_a_log_prob_of_minus_infinity_and_harm_no_other() -> None:
    made = case()
    assert made.head.bias_V is not None
    with torch.no_grad():
        made.head.bias_V[made.targets_N[3]] = -inf
    ruled_out_N = made.targets_N == made.targets_N[3]
    made.weights_N[ruled_out_N] = 0

    def floored(logprobs_N: torch.Tensor, part: slice) -> torch.Tensor:
        return made.loss(logprobs_N.clamp(min=-1e4), part)

    loss, logprobs_N = fused_loss(made.hidden_ND, made.head, made.targets_N, floored)
    found = torch.autograd.grad(loss, made.leaves)
    assert (logprobs_N[ruled_out_N] == -inf).all()
    assert torch.isfinite(logprobs_N[~ruled_out_N]).all()
    assert all(torch.isfinite(one).all() for one in found)
    assert (found[0][ruled_out_N] == 0).all()


def test_no_token_is_a_loss_of_zero_with_a_gradient_of_zero() -> None:
    made = case()
    hidden_ND = torch.empty(0, WIDTH, dtype=torch.float64, requires_grad=True)
    none_N = torch.empty(0, dtype=torch.int64)
    loss, logprobs_N = fused_loss(hidden_ND, made.head, none_N, made.loss)
    loss.backward()
    assert (float(loss.detach()), len(logprobs_N)) == (0.0, 0)
    assert made.head.weight_VD.grad is not None
    assert not made.head.weight_VD.grad.any()
    assert len(logprobs(hidden_ND, made.head, none_N)) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_log_probs_alone_are_those_beside_a_loss_to_the_bit(dtype: torch.dtype) -> None:
    made = case(dtype=dtype)
    found_N = logprobs(made.hidden_ND, made.head, made.targets_N)
    _, wanted_N = fused_loss(made.hidden_ND, made.head, made.targets_N, made.loss)
    assert torch.equal(found_N, wanted_N)
    assert not found_N.requires_grad


@pytest.mark.parametrize("at_once", [True, False])
def test_under_autocast_products_are_rounded_and_sums_and_softmax_are_not(at_once: bool) -> None:
    made = case(dtype=torch.float32)
    sum_VD = torch.zeros_like(made.head.weight_VD)
    head = replace(made.head, sum_VD=sum_VD if at_once else None)
    seen = []

    def watched(logprobs_N: torch.Tensor, part: slice) -> torch.Tensor:
        seen.append(logprobs_N.dtype)
        return made.loss(logprobs_N, part)

    with torch.autocast("cpu", torch.bfloat16):
        loss, logprobs_N = fused_loss(made.hidden_ND, head, made.targets_N, watched)
    loss.backward()
    rounded = replace(
        made,
        hidden_ND=made.hidden_ND.detach().bfloat16().requires_grad_(),
        head=replace(made.head, weight_VD=made.head.weight_VD.detach().bfloat16().requires_grad_()),
    )
    wanted, wanted_N = whole(rounded)
    slopes = torch.autograd.grad(wanted, rounded.leaves)
    assert set(seen) == {torch.float32} == {logprobs_N.dtype, loss.dtype}
    # logits of bfloat16 have 8 bits, and these go up to 8
    assert float((logprobs_N - wanted_N).abs().max().detach()) < 0.05
    found = (made.hidden_ND.grad, sum_VD if at_once else made.head.weight_VD.grad)
    for one, other in zip(found, slopes, strict=False):
        assert one is not None
        assert one.dtype is torch.float32
        assert 1e-4 < gap(one, other.double()) < 2e-2


def test_under_autocast_a_token_that_is_all_but_sure_keeps_its_small_slope() -> None:
    weight_VD = torch.zeros(2, WIDTH)
    weight_VD[0, 0] = 1
    hidden_ND = torch.zeros(1, WIDTH)
    hidden_ND[0, 0] = 10
    hidden_ND.requires_grad_()
    head = Head(weight_VD=weight_VD, bias_V=None)
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = fused_loss(
            hidden_ND, head, torch.tensor([0]), lambda logprobs_N, part: -logprobs_N.sum()
        )
    loss.backward()
    assert hidden_ND.grad is not None
    wanted = torch.tensor(10.0).neg().sigmoid()
    assert float(-hidden_ND.grad[0, 0]) == pytest.approx(float(wanted), rel=1e-2)
