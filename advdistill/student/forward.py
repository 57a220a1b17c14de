"""From the tokens of a pass to its loss: one module, so that it can be wrapped or sharded whole.

Axes: `B` rows of a pass, `S` tokens of a row, `N` response tokens, `D` width of the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from advdistill.errors import StageError
from advdistill.interfaces import Packing
from advdistill.student.batches import Row
from advdistill.student.head import Head, TokenLoss, fused_loss, logprobs
from advdistill.student.packing import MicroBatch, micro_batches

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class PassLoss(torch.nn.Module):
    """Decoder, head and loss of one pass."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, batch: MicroBatch, token_loss: TokenLoss | None
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        """Return the loss, a scalar with a gradient, and logprobs_N without one.

        Without a `token_loss` the loss is None and nothing is kept for a backward pass.
        """
        if token_loss is None:
            with torch.no_grad():
                hidden_ND = self._hidden_ND(batch)
                return None, logprobs(hidden_ND, self._head(), batch.targets_N)
        return fused_loss(self._hidden_ND(batch), self._head(), batch.targets_N, token_loss)

    def _hidden_ND(self, batch: MicroBatch) -> torch.Tensor:
        """Return the hidden states that predict a response token, and no others."""
        decoder = self.model.get_decoder()
        if batch.trees is None:
            hidden_BSD = decoder(
                input_ids=batch.ids_BS, attention_mask=batch.attention_BS, use_cache=False
            ).last_hidden_state
        else:
            # transformers takes a mask of four axes as it is and builds none of its own
            unread = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=batch.ids_BS.device)
            hidden_BSD = decoder(
                input_ids=batch.ids_BS,
                attention_mask=unread,
                position_ids=batch.positions_BS,
                use_cache=False,
                trees=batch.trees,
            ).last_hidden_state
        return hidden_BSD.flatten(0, 1)[batch.predicting_N]

    def _head(self) -> Head:
        head = self.model.get_output_embeddings()
        assert head is not None, "a causal language model has a head"
        return Head(weight_VD=head.weight, bias_V=head.bias)


@torch.no_grad()
def check_head(model: PreTrainedModel, row: Row) -> None:
    """Check on one response that the model does nothing to its logits after the head.

    Raises:
        StageError: it does, such as capping or scaling them.
    """
    (batch,) = micro_batches([row], packing=Packing.padded, row_tokens=len(row.ids))
    batch = batch.to(model.device)
    _, logprobs_N = PassLoss(model)(batch, None)
    plain_SV = model(input_ids=batch.ids_BS).logits[0, row.prompt_tokens - 1 : -1].float()
    plain_N = plain_SV.log_softmax(-1).gather(1, batch.targets_N[:, None])[:, 0]
    gap = float((plain_N - logprobs_N).abs().max())
    if gap > 1e-2:
        raise StageError(
            f"student '{type(model).__name__}': log-probs from its head alone differ by {gap:.3g} "
            "from its own, so it changes its logits afterwards; wanted a model with a plain head"
        )
