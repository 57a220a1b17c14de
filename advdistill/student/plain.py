"""Loss and gradient of a step as the formula says: what the trained path is measured against.

One padded forward pass with the model's own attention and head, and all its logits. Axes: `B`
responses, `S` prompt and response tokens, `N` response tokens, one after another, `V` vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from advdistill.interfaces import Objective, TokenBatch
from advdistill.student.batches import Row
from advdistill.student.gradient import responses_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, kw_only=True, eq=False)
class PlainGradient:
    """Loss and gradient, and how large they were if no token's part cancelled another's."""

    loss: float
    loss_size: float
    gradient: dict[str, torch.Tensor]
    """By the name of each trained parameter."""
    gradient_norm: float
    gradient_size: float


def plain_gradient(
    model: PreTrainedModel, rows: Sequence[Row], *, objective: Objective
) -> PlainGradient:
    """Return loss and gradient of the rows as one step; the parameters' own are left alone."""
    responses = responses_of(rows)
    logprobs_N = _logprobs_N(model, rows)
    lengths = [row.response_tokens for row in rows]
    response_N = torch.arange(len(rows)).repeat_interleave(torch.tensor(lengths))
    loss = objective.loss(
        TokenBatch(
            logprobs_N=logprobs_N,
            response_N=response_N.to(logprobs_N.device),
            responses=responses.beside(logprobs_N),
        )
    ) / objective.denominator(responses)
    (slope_N,) = torch.autograd.grad(loss, logprobs_N, retain_graph=True)
    gradient_size = _norm(_gradient(model, logprobs_N, slope_N.abs(), again=True))
    gradient = _gradient(model, logprobs_N, slope_N, again=False)
    return PlainGradient(
        loss=float(loss.detach()),
        loss_size=float((slope_N * logprobs_N.detach()).abs().sum()),
        gradient=gradient,
        gradient_norm=_norm(gradient),
        gradient_size=gradient_size,
    )


def _logprobs_N(model: PreTrainedModel, rows: Sequence[Row]) -> torch.Tensor:
    width = max(len(row.ids) for row in rows)
    ids_BS = torch.zeros(len(rows), width, dtype=torch.long)
    mask_BS = torch.zeros_like(ids_BS)
    for b, row in enumerate(rows):
        ids_BS[b, : len(row.ids)] = torch.from_numpy(row.ids)
        mask_BS[b, : len(row.ids)] = 1
    ids_BS = ids_BS.to(model.device)
    logits_BSV = model(
        input_ids=ids_BS, attention_mask=mask_BS.to(model.device), use_cache=False
    ).logits
    wide = torch.promote_types(logits_BSV.dtype, torch.float32)
    logprobs_BSV = logits_BSV.to(wide).log_softmax(-1)
    # the token at a place is predicted by the one before it
    logprobs_BS = logprobs_BSV[:, :-1].gather(2, ids_BS[:, 1:, None])[:, :, 0]
    parts = [logprobs_BS[b, row.prompt_tokens - 1 : len(row.ids) - 1] for b, row in enumerate(rows)]
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
