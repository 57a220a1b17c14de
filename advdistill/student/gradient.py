"""Loss and gradient of one optimizer step, in micro-batches.

Axes: `B` responses, `S` prompt and response tokens (padded), `T` response tokens (padded),
`N` response tokens of all responses in a row, `D` width of the model, `V` vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from advdistill.errors import StageError
from advdistill.interfaces import Objective, TokenBatch
from advdistill.student.batches import Row

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Forward = Callable[[Sequence[Row]], tuple[torch.Tensor, torch.Tensor]]
"""Gives back logprobs_BT and mask_BT of the responses, as `response_logprobs` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLoss:
    """The numbers of one step whose gradient has been summed."""

    loss: float
    tokens: int
    positive_logprob: float | None
    """Mean over the responses of positive weight of their mean log-prob; None without any."""
    negative_logprob: float | None


def accumulate(
    forward: Forward,
    rows: Sequence[Row],
    *,
    objective: Objective,
    micro_batch: int,
    backward: Callable[[torch.Tensor], None],
) -> StepLoss | None:
    """Return the loss of the step and add its gradient to the parameters; None without a loss.

    The sum over all micro-batches is divided once, so their size changes nothing but rounding.
    """
    ordered = sorted(rows, key=lambda row: len(row.ids), reverse=True)
    weights_B = np.array([row.weight for row in ordered], dtype=np.float64)
    lengths_B = np.array([row.response_tokens for row in ordered], dtype=np.int64)
    denominator = objective.denominator(weights_B, lengths_B)
    if denominator == 0:
        return None
    losses, means = [], []
    for start in range(0, len(ordered), micro_batch):
        batch = _token_batch(forward, ordered[start : start + micro_batch])
        loss = objective.loss(batch) / denominator
        backward(loss)
        losses.append(loss.detach())
        means.append(batch.logprobs_BT.detach().sum(1) / batch.mask_BT.sum(1))
    means_B = torch.cat(means).double().cpu().numpy()
    return StepLoss(
        loss=float(torch.stack(losses).sum()),
        tokens=int(lengths_B.sum()),
        positive_logprob=_mean(means_B[weights_B > 0]),
        negative_logprob=_mean(means_B[weights_B < 0]),
    )


def response_logprobs(
    model: PreTrainedModel, rows: Sequence[Row]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logprobs_BT of the response tokens, 0 where padded, and mask_BT.

    The head runs on the positions that predict a response token and on no others; the softmax is
    taken in float32 at least.
    """
    ids_BS, attention_BS = _padded(rows, model.device)
    hidden_BSD = model.get_decoder()(
        input_ids=ids_BS, attention_mask=attention_BS, use_cache=False
    ).last_hidden_state
    mask_BT = _response_mask_BT(rows).to(model.device)
    starts_B = torch.tensor([row.prompt_tokens for row in rows], device=model.device)
    row_N, token_N = mask_BT.nonzero(as_tuple=True)
    place_N = starts_B[row_N] + token_N
    head = model.get_output_embeddings()
    assert head is not None, "a causal language model has a head"
    logits_NV = head(hidden_BSD[row_N, place_N - 1])
    logits_NV = logits_NV.to(torch.promote_types(logits_NV.dtype, torch.float32))
    chosen_N = logits_NV.gather(1, ids_BS[row_N, place_N][:, None])[:, 0]
    logprobs_N = chosen_N - logits_NV.logsumexp(1)
    empty_BT = torch.zeros(mask_BT.shape, dtype=logprobs_N.dtype, device=model.device)
    return empty_BT.masked_scatter(mask_BT, logprobs_N), mask_BT


@torch.no_grad()
def check_head(model: PreTrainedModel, row: Row) -> None:
    """Check on one response that the model does nothing to its logits after the head.

    Raises:
        StageError: it does, such as capping or scaling them.
    """
    logprobs_1T, _ = response_logprobs(model, [row])
    ids_1S, _ = _padded([row], model.device)
    plain_SV = model(input_ids=ids_1S).logits[0, row.prompt_tokens - 1 : -1].float()
    plain_T = plain_SV.log_softmax(-1).gather(1, ids_1S[0, row.prompt_tokens :, None])[:, 0]
    gap = float((plain_T - logprobs_1T[0]).abs().max())
    if gap > 1e-2:
        raise StageError(
            f"student '{type(model).__name__}': log-probs from its head alone differ by {gap:.3g} "
            "from its own, so it changes its logits afterwards; wanted a model with a plain head"
        )


def _token_batch(forward: Forward, rows: Sequence[Row]) -> TokenBatch:
    logprobs_BT, mask_BT = forward(rows)
    weights = [row.weight for row in rows]
    weights_B = torch.tensor(weights, dtype=logprobs_BT.dtype, device=logprobs_BT.device)
    return TokenBatch(logprobs_BT=logprobs_BT, mask_BT=mask_BT, weights_B=weights_B)


def _padded(rows: Sequence[Row], device: torch.device | str) -> tuple[torch.Tensor, torch.Tensor]:
    # On the right, so that positions start at 0; padding is never attended to, so its id is free.
    ids = [torch.from_numpy(row.ids).long() for row in rows]
    ids_BS = pad_sequence(ids, batch_first=True)
    lengths_B = torch.tensor([len(row.ids) for row in rows])
    attention_BS = torch.arange(ids_BS.shape[1]) < lengths_B[:, None]
    return ids_BS.to(device), attention_BS.long().to(device)


def _response_mask_BT(rows: Sequence[Row]) -> torch.Tensor:
    lengths_B = torch.tensor([row.response_tokens for row in rows])
    return torch.arange(int(lengths_B.max())) < lengths_B[:, None]


def _mean(values_B: np.ndarray) -> float | None:
    return float(values_B.mean()) if len(values_B) else None
