"""How probable a `transformers` model finds given continuations.

Axes: `P` different contexts, `B` continuations, `C` tokens of a context, `T` tokens of a
continuation, `V` vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from advdistill.engine.generation import Continuation, Likelihood

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@torch.inference_mode()
def likelihoods(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    continuations: Sequence[Continuation],
) -> list[Likelihood]:
    """Return the likelihood of each continuation, all in one batch, in float32.

    A context that several continuations share is read once.
    """
    places = dict.fromkeys(tuple(one.context) for one in continuations)
    places = {context: place for place, context in enumerate(places)}
    rows = [places[tuple(one.context)] for one in continuations]
    rows_B = torch.tensor(rows, device=model.device)
    inputs = tokenizer.pad(
        {"input_ids": [list(context) for context in places]},
        return_tensors="pt",
        padding_side="left",
    )
    ids_PC, mask_PC = (inputs[name].to(model.device) for name in ("input_ids", "attention_mask"))
    tokens_BT, inside_BT = _padded(continuations, model.device)
    logits_BTV = _logits(model, ids_PC, mask_PC, rows_B=rows_B, tokens_BT=tokens_BT)
    logprobs_BTV = logits_BTV.float().log_softmax(-1)
    logprobs_BT = logprobs_BTV.gather(-1, tokens_BT[..., None])[..., 0]
    # Filled, not multiplied by 0: what stands at a padded position may be infinite.
    sums_B = logprobs_BT.masked_fill(~inside_BT, 0.0).double().sum(-1)
    greedy_B = ((logprobs_BTV.argmax(-1) == tokens_BT) | ~inside_BT).all(-1)
    return [
        Likelihood(logprob_sum=total, greedy=greedy)
        for total, greedy in zip(sums_B.tolist(), greedy_B.tolist(), strict=True)
    ]


def _logits(
    model: PreTrainedModel,
    ids_PC: torch.Tensor,
    mask_PC: torch.Tensor,
    *,
    rows_B: torch.Tensor,
    tokens_BT: torch.Tensor,
) -> torch.Tensor:
    """Return what the model expects at each token of the continuations of contexts `rows_B`."""
    read: Any = model(
        input_ids=ids_PC,
        attention_mask=mask_PC,
        position_ids=(mask_PC.cumsum(-1) - 1).clamp(min=0),
        logits_to_keep=1,
        use_cache=True,
    )
    first_B1V = read.logits[rows_B]
    if tokens_BT.shape[1] == 1:
        return first_B1V
    # What a beam search does with its cache: each continuation gets that of its context.
    read.past_key_values.reorder_cache(rows_B)
    before_BT = tokens_BT[:, :-1]
    lengths_B1 = mask_PC.sum(-1, keepdim=True)[rows_B]
    rest: Any = model(
        input_ids=before_BT,
        # Padding on the right needs no mask: no token of the continuation comes after it.
        attention_mask=torch.cat([mask_PC[rows_B], torch.ones_like(before_BT)], 1),
        position_ids=lengths_B1 + torch.arange(before_BT.shape[1], device=model.device),
        past_key_values=read.past_key_values,
        use_cache=True,
    )
    return torch.cat([first_B1V, rest.logits], 1)


def _padded(
    continuations: Sequence[Continuation], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the continuations padded on the right, and where their tokens stand."""
    longest = max(len(one.tokens) for one in continuations)
    lengths_B = torch.tensor([len(one.tokens) for one in continuations], device=device)
    rows = [[*one.tokens, *[0] * (longest - len(one.tokens))] for one in continuations]
    inside_BT = torch.arange(longest, device=device) < lengths_B[:, None]
    return torch.tensor(rows, device=device), inside_BT
