"""The language-model head fused with the loss, in chunks, so that the full logits never exist.

Axes: `N` response tokens, `D` width of the model, `V` vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

TokenLoss = Callable[[torch.Tensor, slice], torch.Tensor]
"""Returns the loss, a scalar, of the log-probs of one slice of the tokens."""

CHUNK_BYTES = 64 * 2**20
"""Of the logits that exist at a time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Head:
    """The weights that turn hidden states into logits."""

    weight_VD: torch.Tensor
    bias_V: torch.Tensor | None


def fused_loss(
    hidden_ND: torch.Tensor, head: Head, targets_N: torch.Tensor, token_loss: TokenLoss
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss, a scalar with a gradient, and logprobs_N without one.

    The gradient is computed chunk by chunk beside the loss, from the slope of `token_loss` at each
    log-prob, which is why a token's loss must depend on its own log-prob alone.
    """
    loss, logprobs_N = _Fused.apply(hidden_ND, head.weight_VD, head.bias_V, targets_N, token_loss)
    return loss, logprobs_N


@torch.no_grad()
def logprobs(hidden_ND: torch.Tensor, head: Head, targets_N: torch.Tensor) -> torch.Tensor:
    """Return logprobs_N, without a gradient."""
    weight_VD = head.weight_VD.to(_compute_dtype(hidden_ND))
    parts = [
        _logits(hidden_ND[part], weight_VD, head.bias_V)
        .log_softmax(1)
        .gather(1, targets_N[part, None])
        for part in _chunks(hidden_ND, head.weight_VD)
    ]
    return torch.cat(parts)[:, 0]


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: torch.Tensor,
        weight_VD: torch.Tensor,
        bias_V: torch.Tensor | None,
        targets_N: torch.Tensor,
        token_loss: TokenLoss,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        dtype = _compute_dtype(hidden_ND)
        cast_VD = weight_VD.to(dtype)
        slope_ND = torch.empty_like(hidden_ND)
        slope_VD = torch.zeros_like(weight_VD) if ctx.needs_input_grad[1] else None
        slope_V = None if bias_V is None else torch.zeros_like(bias_V)
        losses, logprobs = [], []
        for part in _chunks(hidden_ND, weight_VD):
            logits_NV = _logits(hidden_ND[part], cast_VD, bias_V)
            total_N1 = logits_NV.logsumexp(1, keepdim=True)
            logprobs_N1 = logits_NV.gather(1, targets_N[part, None]) - total_N1
            loss, slope_N = _slope(token_loss, logprobs_N1[:, 0], part)
            # d logprob / d logits = onehot - softmax
            logits_NV.sub_(total_N1).exp_().mul_(-slope_N[:, None])
            logits_NV.scatter_add_(1, targets_N[part, None], slope_N[:, None])
            slopes_NV = logits_NV.to(dtype)
            slope_ND[part] = slopes_NV @ cast_VD
            if slope_VD is not None:
                _add_product(slope_VD, slopes_NV.T, hidden_ND[part].to(dtype))
            if slope_V is not None:
                slope_V += logits_NV.sum(0)
            losses.append(loss)
            logprobs.append(logprobs_N1[:, 0])
        ctx.slopes = (slope_ND, slope_VD, slope_V)
        logprobs_N = torch.cat(logprobs)
        ctx.mark_non_differentiable(logprobs_N)
        return torch.stack(losses).sum(), logprobs_N

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        scaled = [None if slope is None else slope.mul_(gradients[0]) for slope in ctx.slopes]
        return (*scaled, None, None)


def _slope(
    token_loss: TokenLoss, logprobs_N: torch.Tensor, part: slice
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss of the tokens and its derivative by each log-prob."""
    with torch.enable_grad():
        leaf_N = logprobs_N.detach().requires_grad_()
        loss = token_loss(leaf_N, part)
        (slope_N,) = torch.autograd.grad(loss, leaf_N)
    return loss.detach(), slope_N


def _logits(
    hidden_ND: torch.Tensor, weight_VD: torch.Tensor, bias_V: torch.Tensor | None
) -> torch.Tensor:
    """Return logits_NV in float32 at least."""
    with torch.autocast(hidden_ND.device.type, enabled=False):
        logits_NV = hidden_ND.to(weight_VD.dtype) @ weight_VD.T
    logits_NV = logits_NV.to(torch.promote_types(logits_NV.dtype, torch.float32))
    return logits_NV if bias_V is None else logits_NV + bias_V


def _add_product(sum_VD: torch.Tensor, left_VN: torch.Tensor, right_ND: torch.Tensor) -> None:
    if sum_VD.dtype == left_VN.dtype:
        sum_VD.addmm_(left_VN, right_ND)
    else:
        sum_VD += left_VN @ right_ND


def _compute_dtype(hidden_ND: torch.Tensor) -> torch.dtype:
    device = hidden_ND.device.type
    return (
        torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden_ND.dtype
    )


def _chunks(hidden_ND: torch.Tensor, weight_VD: torch.Tensor) -> Iterator[slice]:
    size = max(CHUNK_BYTES // (4 * len(weight_VD)), 16)
    for start in range(0, len(hidden_ND), size):
        yield slice(start, min(start + size, len(hidden_ND)))
