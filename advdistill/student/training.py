"""What one training holds: model, tokenizer, optimizer, token ids and checkpoints.

With `dtype: bfloat16` the parameters stay in float32 and the forward pass runs under autocast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator, DistributedType
from transformers import GenerationConfig

from advdistill.engine.transformers import load_model
from advdistill.errors import ConfigError
from advdistill.interfaces import Example, Objective, TrainingJob
from advdistill.models import load_tokenizer, stop_ids
from advdistill.student.batches import Row, Rows, encode
from advdistill.student.checkpoint import CHECKPOINTS, Checkpoints
from advdistill.student.finetune import Dtype, Finetune
from advdistill.student.gradient import check_head, response_logprobs
from advdistill.student.schedule import visits

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """What does not change from step to step, beside the weights and moments inside."""

    student: Finetune
    objective: Objective
    job: TrainingJob
    rows: Rows
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    optimizer: torch.optim.Optimizer
    accelerator: Accelerator
    checkpoints: Checkpoints

    @property
    def steps(self) -> int:
        """The number of optimizer steps."""
        return math.ceil(
            visits(self.student, len(self.rows.by_prompt)) / self.student.batch_prompts
        )

    def autocast(self) -> torch.autocast:
        """Return the context in which the model computes in the student's dtype."""
        enabled = self.student.dtype is Dtype.bfloat16
        return torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=enabled)

    def forward(self, rows: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logprobs_BT and mask_BT of the responses."""
        with self.autocast():
            return response_logprobs(self.model, rows)


def prepare(
    student: Finetune,
    objective: Objective,
    examples: Sequence[Example],
    *,
    folder: Path,
    job: TrainingJob,
) -> Training:
    """Load, encode and check everything that the first step needs.

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
    return Training(
        student=student,
        objective=objective,
        job=job,
        rows=rows,
        model=model,
        tokenizer=tokenizer,
        optimizer=_optimizer(model, student),
        accelerator=accelerator,
        checkpoints=Checkpoints(
            folder=folder / CHECKPOINTS,
            fingerprint=_fingerprint(student, objective, rows),
            keep=student.keep_checkpoints,
        ),
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
    # is opened by `Training.autocast` instead.
    accelerator = Accelerator(mixed_precision="no")
    if accelerator.distributed_type is not DistributedType.NO:
        raise ConfigError(
            f"student: launched as {accelerator.distributed_type.value} with "
            f"{accelerator.num_processes} processes; wanted one plain process; "
            "start it without `accelerate launch`"
        )
    return accelerator


def _optimizer(model: PreTrainedModel, student: Finetune) -> torch.optim.Optimizer:
    matrices = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    others = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": student.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=student.learning_rate)


def _fingerprint(student: Finetune, objective: Objective, rows: Rows) -> str:
    digest = sha256(f"{sorted(asdict(student).items())}{objective!r}".encode())
    for name, group in rows.by_prompt.items():
        digest.update(f"{name}:{len(group)}\n".encode())
        for row in group:
            digest.update(f"{row.prompt_tokens} {row.weight!r}".encode() + row.ids.tobytes())
    return digest.hexdigest()
