"""What one training holds: base, objective, optimizer and checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from advdistill.budget import Budget
from advdistill.interfaces import Example, Objective, Sharding, TrainingJob
from advdistill.student.batches import Rows
from advdistill.student.checkpoint import CHECKPOINTS, Checkpoints
from advdistill.student.checks import check_loss, check_teacher
from advdistill.student.finetune import Finetune
from advdistill.student.loading import Base, open_base
from advdistill.student.memory import Room
from advdistill.student.parallel import is_sharded
from advdistill.student.schedule import steps
from advdistill.student.zero import partitioned

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """What does not change from step to step, beside the weights and moments inside."""

    student: Finetune
    objective: Objective
    job: TrainingJob
    base: Base
    optimizer: torch.optim.Optimizer
    checkpoints: Checkpoints
    room: Room
    steps: int
    """The number of optimizer steps."""


def prepare(
    student: Finetune,
    objective: Objective,
    examples: Sequence[Example],
    *,
    folder: Path,
    job: TrainingJob,
) -> Training:
    """Load, encode and check everything that the first step needs; raises as `open_base` does."""
    base = open_base(student, examples, job=job)
    check_teacher(objective, base.rows)
    check_loss(objective, base.rows)
    zero = job.sharding is Sharding.deepspeed and base.world.size > 1
    whole = not zero and not is_sharded(base.model)
    optimizer = _optimizer(base.model, student, fused=whole)
    if zero:
        base, optimizer = partitioned(base, optimizer)
    return Training(
        student=student,
        objective=objective,
        job=job,
        base=base,
        optimizer=optimizer,
        checkpoints=Checkpoints(
            folder=folder / CHECKPOINTS,
            fingerprint=_fingerprint(student, objective, job.budget, base.rows),
            keep=student.keep_checkpoints,
            world=base.world,
            resumes=not zero,
        ),
        room=Room(row_tokens=job.row_tokens, alone=base.world.size == 1),
        steps=steps(student, base.rows.by_prompt, job.budget),
    )


def _optimizer(model: PreTrainedModel, student: Finetune, *, fused: bool) -> torch.optim.Optimizer:
    """Return AdamW; `fused`, it reads and writes each number once."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in trained if parameter.ndim >= 2]
    others = [parameter for parameter in trained if parameter.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": student.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=student.learning_rate, fused=fused or None)


def _fingerprint(student: Finetune, objective: Objective, budget: Budget, rows: Rows) -> str:
    digest = sha256(f"{sorted(asdict(student).items())}{objective!r}{budget!r}".encode())
    for name, group in rows.by_prompt.items():
        digest.update(f"{name}:{len(group)}\n".encode())
        for row in group:
            facts = (row.prompt_tokens, row.weight, row.right, row.teacher, row.reference)
            digest.update(f"{facts!r}".encode() + row.ids.tobytes())
    return digest.hexdigest()
