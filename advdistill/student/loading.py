"""The base student, loaded and wrapped for the passes, with the responses as its token ids.

With `dtype: bfloat16` the parameters stay in float32 and the forward pass runs under autocast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator, DistributedType
from transformers import GenerationConfig

from advdistill.engine.transformers import load_model
from advdistill.errors import ConfigError
from advdistill.interfaces import Example, TrainingJob
from advdistill.models import load_tokenizer, stop_ids
from advdistill.student.batches import Rows, encode
from advdistill.student.finetune import Dtype, Finetune
from advdistill.student.forward import PassLoss, check_head
from advdistill.student.head import TokenLoss
from advdistill.student.packing import MicroBatch

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, kw_only=True, eq=False)
class Base:
    """A student's model before or while it learns, and what it learns from."""

    student: Finetune
    rows: Rows
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    accelerator: Accelerator
    pass_loss: PassLoss

    def autocast(self) -> torch.autocast:
        """Return the context in which the model computes in the student's dtype."""
        enabled = self.student.dtype is Dtype.bfloat16
        return torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=enabled)

    def forward(
        self, batch: MicroBatch, token_loss: TokenLoss | None
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        """Return the loss of a pass, or None, and logprobs_N, as `PassLoss` does."""
        with self.autocast():
            return self.pass_loss(batch, token_loss)


def open_base(student: Finetune, examples: Sequence[Example], *, job: TrainingJob) -> Base:
    """Load, encode and check everything that a pass needs.

    Raises:
        ConfigError: more than one process was launched, or DeepSpeed.
        DataError: there is nothing to train on.
        StageError: the model is not of a kind that the loss can be computed for.
    """
    accelerator = _accelerator()
    tokenizer = load_tokenizer(student.model, student.revision)
    rows = encode(
        examples, tokenizer, answer_format=job.answer_format, max_tokens=student.max_tokens
    )
    model = load_base(student, tokenizer).to(accelerator.device)
    for first in islice(chain.from_iterable(rows.by_prompt.values()), 1):
        check_head(model, first)
    if student.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return Base(
        student=student,
        rows=rows,
        model=model,
        tokenizer=tokenizer,
        accelerator=accelerator,
        pass_loss=PassLoss(model),
    )


def load_base(student: Finetune, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """Return the base model in float32, stopping at every id that ends an answer."""
    model = load_model(student.model, student.revision, dtype="float32")
    model.generation_config = GenerationConfig(
        eos_token_id=stop_ids(tokenizer, model.generation_config),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
    )
    return model


def _accelerator() -> Accelerator:
    # Always "no": accelerate's state is one per process and refuses a second precision; autocast
    # is opened by `Base.autocast` instead.
    accelerator = Accelerator(mixed_precision="no")
    if accelerator.distributed_type is not DistributedType.NO:
        raise ConfigError(
            f"student: launched as {accelerator.distributed_type.value} with "
            f"{accelerator.num_processes} processes; wanted one plain process; "
            "start it without `accelerate launch`"
        )
    return accelerator
