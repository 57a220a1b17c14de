"""Loss and gradient of a step as the formula says: what the trained path is measured against.

One padded forward pass with the model's own attention and head, and all its logits. Axes: `B`
responses, `S` prompt and response tokens, `N` response tokens, one after another, `V` vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import softplus

from advdistill.interfaces import Objective, TokenBatch
from advdistill.student.batches import Row
from advdistill.student.gradient import responses_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, kw_only=True, eq=False)
class PlainGradient:
    """Loss and gradient of some responses as one step."""

    loss: float
    gradient: dict[str, torch.Tensor]
    """By the name of each trained parameter."""
    norm: float
    loss_scale: float
    """The loss if no token's share took from another's, to first order."""
    scale: float
    """The norm of the gradient if every token pulled the same way: rounding is a share of it."""


def plain_gradient(
    model: PreTrainedModel, rows: Sequence[Row], *, objective: Objective
) -> PlainGradient:
    """Return loss and gradient of the rows as one step; the parameters' own are left alone."""
    responses = responses_of(rows)
    denominator = objective.denominator(responses)
    lengths = torch.tensor([row.response_tokens for row in rows])
    logprobs_N = _logprobs_N(model, rows)
    leaf_N = logprobs_N.detach().requires_grad_()
    batch = TokenBatch(
        logprobs_N=leaf_N,
        response_N=torch.arange(len(rows)).repeat_interleave(lengths).to(model.device),
        responses=responses.beside(leaf_N),
    )
    loss = objective.loss(batch) / denominator
    (slope_N,) = torch.autograd.grad(loss, leaf_N)
    scale = _norm(_gradient(model, logprobs_N, slope_N.abs(), again=True))
    gradient = _gradient(model, logprobs_N, slope_N, again=False)
    return PlainGradient(
        loss=float(loss.detach()),
        gradient=gradient,
        norm=_norm(gradient),
        loss_scale=float((slope_N * leaf_N.detach()).abs().sum()),
        scale=scale,
    )


def _logprobs_N(model: PreTrainedModel, rows: Sequence[Row]) -> torch.Tensor:
    width = max(row.length for row in rows)
    ids_BS = torch.zeros(len(rows), width, dtype=torch.long)
    mask_BS = torch.zeros_like(ids_BS)
    for b, row in enumerate(rows):
        ids_BS[b, : row.length] = torch.from_numpy(row.ids)
        mask_BS[b, : row.length] = 1
    ids_BS = ids_BS.to(model.device)
    logits_BSV = model(
        input_ids=ids_BS, attention_mask=mask_BS.to(model.device), use_cache=False
    ).logits
    wide = torch.promote_types(logits_BSV.dtype, torch.float32)
    # the token at a place is predicted by the one before it
    logits_BSV, next_BS1 = logits_BSV[:, :-1].to(wide), ids_BS[:, 1:, None]
    chosen_BS1 = logits_BSV.gather(2, next_BS1)
    # -log(1 + others / chosen) has every digit of what a probability near 1 lacks of 1; a
    # log-softmax has none of them
    others_BS1 = logits_BSV.scatter(2, next_BS1, -torch.inf).logsumexp(2, keepdim=True)
    logprobs_BS = -softplus(others_BS1 - chosen_BS1)[:, :, 0]
    parts = [logprobs_BS[b, row.prompt_tokens - 1 : row.length - 1] for b, row in enumerate(rows)]
    return torch.cat(parts)


def _gradient(
    model: PreTrainedModel, logprobs_N: torch.Tensor, slope_N: torch.Tensor, *, again: bool
) -> dict[str, torch.Tensor]:
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    slopes = torch.autograd.grad(
        logprobs_N,
        list(trained.values()),
        slope_N,
        retain_graph=again,
        allow_unused=True,
        materialize_grads=True,
    )
    return dict(zip(trained, slopes, strict=True))


def _norm(gradient: dict[str, torch.Tensor]) -> float:
    norms = [slope.norm().double() for slope in gradient.values()]
    return float(torch.stack(norms).norm())
