"""Which models may have several responses in a row."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import torch

from advdistill.errors import ConfigError
from advdistill.interfaces import Packing
from advdistill.student.attention import UnpackableError, tree_attention
from advdistill.student.batches import HeldTokens, Row
from advdistill.student.forward import PassLoss
from advdistill.student.packing import micro_batches

if TYPE_CHECKING:
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)


def resolved(packing: Packing, model: PreTrainedModel) -> Packing:
    """Return the packing that the model is trained with: the one asked for, or for auto, padded.

    Raises:
        ConfigError: the packing was asked for by name, and the model does not allow it.
    """
    if packing is Packing.padded:
        return packing
    objection = _objection(model)
    if objection is None:
        return packing
    found = f"the rows of a {type(model).__name__} cannot be packed: {objection}"
    if packing is not Packing.auto:
        raise ConfigError(
            f"runtime.packing is {packing.value}, but {found}; "
            "give runtime.packing=auto, which pads them"
        )
    logger.info("student: %s; they are padded", found)
    return Packing.padded


def _objection(model: PreTrainedModel) -> str | None:
    """Return what stands against several responses in a row, or None."""
    if not model._supports_attention_backend:
        return "its attention cannot be replaced"
    kinds = set(model.config.get_text_config().to_dict().get("layer_types") or ())
    if kinds - {"full_attention"}:
        return f"it has layers of the kind {', '.join(sorted(kinds - {'full_attention'}))}"
    try:
        gap = _gap(model)
    except UnpackableError as error:
        return str(error)
    limit = 1e-3 if model.dtype.itemsize >= 4 else 0.1
    if gap <= limit:
        return None
    return f"log-probs of a response change by {gap:.2g} in a row with others"


def _gap(model: PreTrainedModel) -> float:
    """Return how far the log-probs of two responses move when they share a row.

    What no attribute tells shows here, such as positions that do not follow `position_ids` or a
    state that runs from token to token.
    """
    vocabulary: int = model.config.get_text_config().vocab_size
    rows = [_row(range(start, start + 8), vocabulary) for start in (5, 9)]
    plain, packed = _logprobs(model, rows, Packing.padded), _logprobs(model, rows, Packing.shared)
    return float((plain - packed).abs().max())


def _row(answer: range, vocabulary: int) -> Row:
    ids = np.array([*range(1, 5), *answer], dtype=np.int32) % vocabulary
    return Row(
        prompt_id="probe",
        sample=0,
        tokens=HeldTokens(ids=ids, prompt_tokens=4),
        length=len(ids),
        weight=1.0,
        right=True,
        teacher=None,
        reference=None,
    )


def _logprobs(model: PreTrainedModel, rows: list[Row], packing: Packing) -> torch.Tensor:
    """Return logprobs_N in the rows' order."""
    (batch,) = micro_batches(rows, packing=packing, row_tokens=64)
    with tree_attention(model, packing):
        _, logprobs_N = PassLoss(model)(batch.to(model.device), None)
    return logprobs_N[batch.response_N.argsort(stable=True)]
