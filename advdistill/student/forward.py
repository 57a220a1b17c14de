"""From the tokens of a pass to its loss: one module, so that it can be wrapped or sharded whole.

Axes: `B` rows of a pass, `S` tokens of a row, `N` response tokens, `D` width of the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from advdistill.errors import StageError
from advdistill.interfaces import Packing
from advdistill.student.attention import Packed
from advdistill.student.batches import Row
from advdistill.student.head import Head, TokenLoss, fused_loss, logprobs
from advdistill.student.packing import MicroBatch, micro_batches

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class PassLoss(torch.nn.Module):
    """Decoder, head and loss of one pass."""

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        alone: bool = False,
        compiled: bool = False,
        chunk_bytes: int | None = None,
    ) -> None:
        """Wrap the model; `chunk_bytes` of logits exist at a time, or as many as suit the device.

        `alone` saves memory where no other process shares the gradient: that of the vocabulary's
        matrices is added to them without a matrix of its own. Each loss must then be followed by
        its backward pass, unscaled. Where `compiled`, the head's own work is one kernel; the layers
        are `compiled_layers`'.
        """
        super().__init__()
        self.model = model
        self.alone = alone
        self.compiled = compiled
        self.chunk_bytes = chunk_bytes

    def forward(
        self, batch: MicroBatch, token_loss: TokenLoss | None
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        """Return the loss, a scalar with a gradient, and logprobs_N without one.

        Without a `token_loss` the loss is None and nothing is kept for a backward pass.
        """
        if token_loss is None:
            with torch.no_grad():
                hidden_ND = self._hidden_ND(batch)
                return None, logprobs(hidden_ND, self._head(learns=False), batch.targets_N)
        with _sparse(self.model.get_input_embeddings(), self.alone):
            hidden_ND = self._hidden_ND(batch)
        return fused_loss(hidden_ND, self._head(learns=True), batch.targets_N, token_loss)

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
                packed=Packed(batch.trees),
            ).last_hidden_state
        return hidden_BSD.flatten(0, 1)[batch.predicting_N]

    def _head(self, *, learns: bool) -> Head:
        head = self.model.get_output_embeddings()
        assert head is not None, "a causal language model has a head"
        at_once = self.alone and learns and head.weight.requires_grad
        return Head(
            weight_VD=head.weight,
            bias_V=head.bias,
            sum_VD=_gradient(head.weight) if at_once else None,
            chunk_bytes=self.chunk_bytes,
            compile=self.compiled,
        )


@torch.no_grad()
def check_head(model: PreTrainedModel, row: Row) -> None:
    """Check on one response that the model does nothing to its logits after the head.

    Raises:
        StageError: it does, such as capping or scaling them.
    """
    (batch,) = micro_batches([row], packing=Packing.padded, row_tokens=row.length)
    batch = batch.to(model.device)
    _, logprobs_N = PassLoss(model)(batch, None)
    plain_SV = model(input_ids=batch.ids_BS).logits[0, row.prompt_tokens - 1 : -1]
    plain_N = plain_SV.float().log_softmax(-1).gather(1, batch.targets_N[:, None])[:, 0]
    gap = float((plain_N - logprobs_N).abs().max())
    # In bfloat16 a logit may round up in the one product and down in the other.
    rounding = 2 * torch.finfo(plain_SV.dtype).eps * float(plain_SV.abs().max())
    if gap > 1e-2 + rounding:
        raise StageError(
            f"student '{type(model).__name__}': log-probs from its head alone differ by {gap:.3g} "
            "from its own, so it changes its logits afterwards; wanted a model with a plain head"
        )


@contextmanager
def _sparse(embedding: torch.nn.Module, alone: bool) -> Iterator[None]:
    """Let the embedding's gradient be the rows of the tokens at hand, added to a whole matrix."""
    # CPU: on CUDA the rows are added in any order, which does not end in the same bits each time.
    if (
        not alone
        or not isinstance(embedding, torch.nn.Embedding)
        or not embedding.weight.requires_grad
        or embedding.weight.is_cuda
    ):
        yield
        return
    _gradient(embedding.weight)
    before, embedding.sparse = embedding.sparse, True
    try:
        yield
    finally:
        embedding.sparse = before


def _gradient(weight: torch.Tensor) -> torch.Tensor:
    """Return the weight's gradient, 0 where it has none yet."""
    if weight.grad is None:
        weight.grad = torch.zeros_like(weight)
    return weight.grad
