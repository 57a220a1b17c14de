"""Loss and gradient of a step as the formula says: what the trained path is measured against.

One padded forward pass with the model's own attention and head, and all its logits. Axes: `B`
responses, `S` prompt and response tokens, `N` response tokens, one after another, `V` vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from advdistill.interfaces import Objective, TokenBatch
from advdistill.student.batches import Row
from advdistill.student.gradient import responses_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """What an error in every log-prob may change; the part of a gap that is no fault."""

    loss: float
    gradient: float
    """The norm of the change."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PlainGradient:
    """Loss and gradient of some responses as one step."""

    loss: float
    gradient: dict[str, torch.Tensor]
    """By the name of each trained parameter."""
    norm: float
    uncertain: dict[float, Uncertainty]
    """By the error in the log-probs."""


def plain_gradient(
    model: PreTrainedModel,
    rows: Sequence[Row],
    *,
    objective: Objective,
    errors: Sequence[float],
) -> PlainGradient:
    """Return loss and gradient of the rows as one step; the parameters' own are left alone."""
    responses = responses_of(rows)
    denominator = objective.denominator(responses)
    lengths = torch.tensor([row.response_tokens for row in rows])
    response_N = torch.arange(len(rows)).repeat_interleave(lengths).to(model.device)

    def loss_of(logprobs_N: torch.Tensor) -> torch.Tensor:
        batch = TokenBatch(
            logprobs_N=logprobs_N,
            response_N=response_N,
            responses=responses.beside(logprobs_N),
        )
        return objective.loss(batch) / denominator

    logprobs_N = _logprobs_N(model, rows)
    loss, slope_N = _slope(loss_of, logprobs_N)
    uncertain = {
        error: Uncertainty(
            loss=error * float(slope_N.abs().sum()),
            gradient=_norm(
                _gradient(
                    model,
                    logprobs_N,
                    _uncertain_N(loss_of, logprobs_N, slope_N, error),
                    again=True,
                )
            ),
        )
        for error in errors
    }
    gradient = _gradient(model, logprobs_N, slope_N, again=False)
    return PlainGradient(loss=loss, gradient=gradient, norm=_norm(gradient), uncertain=uncertain)


_LossOf = Callable[[torch.Tensor], torch.Tensor]


def _slope(loss_of: _LossOf, logprobs_N: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Return the loss and its derivative by each log-prob."""
    leaf_N = logprobs_N.detach().requires_grad_()
    loss = loss_of(leaf_N)
    (slope_N,) = torch.autograd.grad(loss, leaf_N)
    return float(loss.detach()), slope_N


def _uncertain_N(
    loss_of: _LossOf, logprobs_N: torch.Tensor, slope_N: torch.Tensor, error: float
) -> torch.Tensor:
    """Return by how much each slope may be off.

    A slope changes with the log-probs, as that of unlikelihood does where a probability is near 1.
    And what it multiplies, one less the probability, is off by a share that is large there, too.
    """
    given_N = logprobs_N.detach()
    # Errors of either sign, which in a sum over tokens mostly cancel, as those of rounding do.
    draws = torch.rand(len(given_N), generator=torch.Generator().manual_seed(0))
    error_N = (error * (2.0 * (draws < 0.5) - 1.0)).to(given_N)
    moved = [_slope(loss_of, (given_N + sign * error_N).clamp(max=0))[1] for sign in (1, -1)]
    change_N = torch.stack([(slope - slope_N).abs() for slope in moved]).amax(0)
    share_N = (error / -given_N.expm1()).clamp(max=1)
    return change_N + slope_N.abs() * share_N


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
