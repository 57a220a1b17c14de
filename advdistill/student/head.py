"""The language-model head fused with the loss, in chunks, so that the full logits never exist.

Axes: `N` response tokens, `D` width of the model, `V` vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from advdistill.student.compiled import compiled

TokenLoss = Callable[[torch.Tensor, slice], torch.Tensor]
"""Returns the loss, a scalar, of the log-probs of one slice of the tokens."""

CHUNK_BYTES = {"cpu": 2**27, "cuda": 2**31}
"""Of logits and their copies at a time, by device. Each chunk reads the head's weight and rewrites
its gradient, which many tokens should share, the more so where products are fast."""
_ABREAST = 64
"""A chunk of more tokens holds a multiple of these: a CPU reduces up to as many side by side, four
registers of 16 float32, and those left over one by one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Head:
    """What turns hidden states into logits."""

    weight_VD: torch.Tensor
    bias_V: torch.Tensor | None
    sum_VD: torch.Tensor | None = None
    """Where given, the gradient of the weight is added to it at once, and autograd sees none of it:
    one tensor of that size less. The loss must then be differentiated once, and not be scaled."""
    chunk_bytes: int | None = None
    """Of the logits that exist at a time, with their copies; None: `CHUNK_BYTES`."""
    compile: bool = False
    """Whether what lies between the products is one compiled kernel."""


def fused_loss(
    hidden_ND: torch.Tensor, head: Head, targets_N: torch.Tensor, token_loss: TokenLoss
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss, a scalar with a gradient, and logprobs_N without one.

    The gradient is computed chunk by chunk beside the loss, from the slope of `token_loss` at each
    log-prob, which is why a token's loss must depend on its own log-prob alone.
    """
    weight_VD = head.weight_VD if head.sum_VD is None else head.weight_VD.detach()
    loss, logprobs_N = _Fused.apply(hidden_ND, weight_VD, head.bias_V, head, targets_N, token_loss)
    return loss, logprobs_N


@torch.no_grad()
def logprobs(hidden_ND: torch.Tensor, head: Head, targets_N: torch.Tensor) -> torch.Tensor:
    """Return logprobs_N, without a gradient."""
    room = _Room.of(hidden_ND, head)
    found_N = hidden_ND.new_empty(len(hidden_ND), dtype=room.wide)
    for part in room.parts(len(hidden_ND)):
        found_N[part] = _chunk(room, hidden_ND[part], targets_N[part]).logprobs_N
    return found_N


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: torch.Tensor,
        weight_VD: torch.Tensor,
        bias_V: torch.Tensor | None,
        head: Head,
        targets_N: torch.Tensor,
        token_loss: TokenLoss,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        room = _Room.of(hidden_ND, head)
        slope_VD = torch.zeros_like(weight_VD) if ctx.needs_input_grad[1] else None
        slope_V = None
        if bias_V is not None and ctx.needs_input_grad[2]:
            slope_V = torch.zeros_like(bias_V)
        sum_VD = slope_VD if head.sum_VD is None else head.sum_VD
        slope_ND = torch.empty_like(hidden_ND)
        logprobs_N = hidden_ND.new_empty(len(hidden_ND), dtype=room.wide)
        loss = logprobs_N.new_zeros(())
        for part in room.parts(len(hidden_ND)):
            chunk = _chunk(room, hidden_ND[part], targets_N[part])
            logprobs_N[part] = chunk.logprobs_N
            part_loss, slope_N = _slope(token_loss, chunk.logprobs_N, part)
            loss += part_loss
            scale_N1 = _towards_slopes(chunk, targets_N[part], slope_N)
            narrow_NV = room.narrow(chunk.powers_NV)
            slope_ND[part] = (narrow_NV @ room.weight_VD) * scale_N1
            if sum_VD is not None:
                factor_NV = narrow_NV if sum_VD.is_cuda else chunk.powers_NV
                _add_product(sum_VD, factor_NV, hidden_ND[part] * scale_N1)
            if slope_V is not None:
                slope_V.addmv_(chunk.powers_NV.T.to(slope_V.dtype), scale_N1[:, 0])
        ctx.slopes = (slope_ND, slope_VD, slope_V)
        ctx.mark_non_differentiable(logprobs_N)
        return loss, logprobs_N

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        # given up, so that autograd may keep the tensors themselves instead of copies
        slopes, ctx.slopes = ctx.slopes, None
        scaled = [None if slope is None else slope.mul_(gradients[0]) for slope in slopes]
        del slopes
        return (*scaled, None, None, None)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Room:
    """The head in the precision of its products, and the memory that every chunk's logits use."""

    weight_VD: torch.Tensor
    bias_V: torch.Tensor | None
    size: int
    """Tokens of a chunk."""
    wide: torch.dtype
    """Of the powers and log-probs: float32 at least."""
    compile: bool
    wide_NV: torch.Tensor | None
    """None where compiled, which needs none."""
    narrow_NV: torch.Tensor | None
    """Of the products' precision; None where that is the same, or where compiled."""

    @classmethod
    def of(cls, hidden_ND: torch.Tensor, head: Head) -> _Room:
        """Return the room for as many tokens as the head's `chunk_bytes` hold."""
        device = hidden_ND.device.type
        mixed = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if mixed else hidden_ND.dtype
        wide = torch.promote_types(dtype, torch.float32)
        if head.compile:
            each = 2 * dtype.itemsize  # logits and powers
        else:
            each = wide.itemsize + (0 if wide is dtype else dtype.itemsize)
        vocabulary = len(head.weight_VD)
        chunk_bytes = head.chunk_bytes or CHUNK_BYTES.get(device, CHUNK_BYTES["cpu"])
        most = max(chunk_bytes // (each * vocabulary), 1)
        if most > _ABREAST:
            most -= most % _ABREAST
        size = min(most, max(len(hidden_ND), 1))
        if head.compile:
            wide_NV = None
        elif device == "cpu":
            # MKL multiplies few tokens by many words faster where the tokens of a word lie beside
            # each other, and multiplies the result as fast.
            wide_NV = hidden_ND.new_empty(vocabulary, size, dtype=wide).T
        else:
            wide_NV = hidden_ND.new_empty(size, vocabulary, dtype=wide)
        return cls(
            weight_VD=head.weight_VD.detach().to(dtype),
            bias_V=head.bias_V,
            size=size,
            wide=wide,
            compile=head.compile,
            wide_NV=wide_NV,
            narrow_NV=(
                None if wide_NV is None or wide is dtype else torch.empty_like(wide_NV, dtype=dtype)
            ),
        )

    def parts(self, tokens: int) -> Iterator[slice]:
        """Yield the tokens of each chunk."""
        for start in range(0, tokens, self.size):
            yield slice(start, min(start + self.size, tokens))

    def narrow(self, powers_NV: torch.Tensor) -> torch.Tensor:
        """Return them in the precision of the products."""
        if self.narrow_NV is None:
            return powers_NV
        return self.narrow_NV[: len(powers_NV)].copy_(powers_NV)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Chunk:
    powers_NV: torch.Tensor
    """e to the power of each logit less the largest of its token: none is above 1; 0 at the
    target."""
    others_N1: torch.Tensor
    """Their sum: that of all tokens but the target."""
    total_N1: torch.Tensor
    logprobs_N: torch.Tensor


def _chunk(room: _Room, hidden_ND: torch.Tensor, targets_N: torch.Tensor) -> _Chunk:
    if room.compile:
        logits_NV = hidden_ND.to(room.weight_VD.dtype) @ room.weight_VD.T
        powers = compiled(_powers, dynamic=None)
        powers_NV, others_N1, below_N1 = powers(logits_NV, room.bias_V, targets_N)
    else:
        powers_NV, others_N1, below_N1 = _powers_in_place(_logits(room, hidden_ND), targets_N)
    # Summed without the target's, which may be 1 beside others of 1e-9: what a probability near 1
    # lacks of 1 is what unlikelihood divides by, and log1p keeps its every digit.
    logprobs_N1 = below_N1 - (others_N1 + below_N1.expm1()).log1p()
    return _Chunk(
        powers_NV=powers_NV,
        others_N1=others_N1,
        total_N1=others_N1 + below_N1.exp(),
        logprobs_N=logprobs_N1[:, 0],
    )


_Powers = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""powers_NV, their sums others_N1, and how far each target's logit is below the largest."""


def _powers_in_place(logits_NV: torch.Tensor, targets_N: torch.Tensor) -> _Powers:
    # Every pass over the logits costs, and a temporary copy of them twice: all is done in place,
    # and what divides or multiplies a token's whole row is left to the narrow side of a product.
    largest_N1 = logits_NV.amax(1, keepdim=True)
    below_N1 = logits_NV.gather(1, targets_N[:, None]) - largest_N1
    powers_NV = logits_NV.sub_(largest_N1).exp_().scatter_(1, targets_N[:, None], 0)
    return powers_NV, powers_NV.sum(1, keepdim=True), below_N1


def _powers(
    narrow_NV: torch.Tensor, bias_V: torch.Tensor | None, targets_N: torch.Tensor
) -> _Powers:
    """Do the same to logits of the products' precision, as one kernel can; powers are of that."""
    logits_NV = narrow_NV.to(torch.promote_types(narrow_NV.dtype, torch.float32))
    if bias_V is not None:
        logits_NV = logits_NV + bias_V
    largest_N1 = logits_NV.amax(1, keepdim=True)
    below_N1 = logits_NV.gather(1, targets_N[:, None]) - largest_N1
    words_V = torch.arange(logits_NV.shape[1], device=logits_NV.device)
    powers_NV = torch.where(words_V == targets_N[:, None], 0.0, (logits_NV - largest_N1).exp())
    return powers_NV.to(narrow_NV.dtype), powers_NV.sum(1, keepdim=True), below_N1


def _logits(room: _Room, hidden_ND: torch.Tensor) -> torch.Tensor:
    assert room.wide_NV is not None, "what is not compiled has it"
    logits_NV = room.wide_NV[: len(hidden_ND)]
    if room.narrow_NV is None:
        torch.mm(hidden_ND, room.weight_VD.T, out=logits_NV)
    else:
        narrow_NV = room.narrow_NV[: len(hidden_ND)]
        torch.mm(hidden_ND.to(narrow_NV.dtype), room.weight_VD.T, out=narrow_NV)
        logits_NV.copy_(narrow_NV)
    return logits_NV if room.bias_V is None else logits_NV.add_(room.bias_V)


def _slope(
    token_loss: TokenLoss, logprobs_N: torch.Tensor, part: slice
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss of the tokens and its derivative by each log-prob."""
    with torch.enable_grad():
        leaf_N = logprobs_N.detach().requires_grad_()
        loss = token_loss(leaf_N, part)
        (slope_N,) = torch.autograd.grad(loss, leaf_N)
    return loss.detach(), slope_N


def _towards_slopes(chunk: _Chunk, targets_N: torch.Tensor, slope_N: torch.Tensor) -> torch.Tensor:
    """Turn the powers into the slopes by the logits but for a factor per token; return those.

    d logprob / d logits is onehot - softmax, and the softmax is powers / total.
    """
    # the target's power less the total
    powers_NV = chunk.powers_NV
    powers_NV.scatter_(1, targets_N[:, None], -chunk.others_N1.to(powers_NV.dtype))
    return -slope_N[:, None] / chunk.total_N1


def _add_product(sum_VD: torch.Tensor, powers_NV: torch.Tensor, scaled_ND: torch.Tensor) -> None:
    if sum_VD.is_cuda and powers_NV.dtype is not sum_VD.dtype:
        sum_VD += powers_NV.T @ scaled_ND.to(powers_NV.dtype)
    else:
        # CPU: adding a product of fewer bits to float32 takes longer than a product in float32
        sum_VD.addmm_(powers_NV.T.to(sum_VD.dtype), scaled_ND.to(sum_VD.dtype))
