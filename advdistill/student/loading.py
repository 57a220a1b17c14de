"""The base student, loaded and wrapped for the passes, with the responses as its token ids.

With `dtype: bfloat16` what is trained stays in float32 and the forward pass runs under autocast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator
from transformers import GenerationConfig

from advdistill.engine.transformers import load_model
from advdistill.interfaces import Example, Packing, TrainingJob, Validate
from advdistill.models import load_tokenizer
from advdistill.seeds import sample_seed
from advdistill.student.architectures import resolved
from advdistill.student.batches import Rows, encode
from advdistill.student.checks import check_vocabulary, check_window, end_id, every_end
from advdistill.student.finetune import Dtype, Finetune
from advdistill.student.forward import PassLoss, check_head
from advdistill.student.head import TokenLoss
from advdistill.student.packing import MicroBatch
from advdistill.student.parallel import Root, World, is_sharded, open_accelerator, shared

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
    module: torch.nn.Module
    """A `Root` of the model, as the processes of the training share it."""
    world: World
    packing: Packing = Packing.auto
    """What was asked for, or padded where the model allows nothing else."""

    def autocast(self) -> torch.autocast:
        """Return the context in which the model computes in the student's dtype."""
        enabled = self.student.dtype is Dtype.bfloat16
        return torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=enabled)

    def forward(
        self, batch: MicroBatch, token_loss: TokenLoss | None
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        """Return the loss of a pass, or None, and logprobs_N, as `PassLoss` does."""
        # Copies answer for themselves where there is no gradient to exchange.
        alone = token_loss is None and not is_sharded(self.model)
        with self.autocast():
            if alone:
                return self.pass_loss(batch, token_loss)
            return self.module(lambda: self.pass_loss(batch, token_loss))

    def dev_accuracy(self, validate: Validate) -> float:
        """Return what the check on dev finds, the same on every process."""
        # Copies leave it to the main process; a model in parts needs all to take part.
        found, parts = 0.0, is_sharded(self.model)
        if parts or self.world.main:
            module = self.module if parts else Root(self.model)
            with self.autocast():
                found = module(lambda: validate(self.model, self.tokenizer))
        return self.world.told(found)


def open_base(student: Finetune, examples: Sequence[Example], *, job: TrainingJob) -> Base:
    """Load, encode and check everything that a pass needs.

    Raises:
        ConfigError: several processes were not started by the run, or cannot share the model.
        DataError: there is nothing to train on.
        StageError: the model is not of a kind that the loss can be computed for.
    """
    student.check()
    accelerator = open_accelerator()
    world = World(
        rank=accelerator.process_index,
        size=accelerator.num_processes,
        device=accelerator.device,
    )
    tokenizer = load_tokenizer(student.model, student.revision)
    rows = encode(
        examples,
        max_tokens=student.max_tokens,
        overlong=student.overlong,
        end=end_id(student, tokenizer),
    )
    model = load_base(student, tokenizer).to(accelerator.device)
    check_window(student, model)
    check_vocabulary(student, model, tokenizer, rows)
    for first in islice(chain.from_iterable(rows.by_prompt.values()), 1):
        check_head(model, first)
    packing = resolved(job.packing, model)
    if student.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    module = shared(model, world, job.sharding)
    if not world.main:  # what is drawn from here on differs, as the rows do
        torch.manual_seed(sample_seed(student.seed, "rank", world.rank))
    return Base(
        student=student,
        rows=rows,
        model=model,
        tokenizer=tokenizer,
        accelerator=accelerator,
        pass_loss=PassLoss(model, alone=world.size == 1, compiled=job.compile),
        module=module,
        world=world,
        packing=packing,
    )


def load_base(student: Finetune, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """Return the base model in float32, stopping at every id that ends an answer.

    With an adapter it is as `load_adapted` says.
    """
    if student.adapter is None:
        model = load_model(student.model, student.revision, dtype="float32")
    else:
        # Here, as it imports peft, which takes as long as the rest.
        from advdistill.student.adapters import load_adapted

        model = load_adapted(student)
    model.generation_config = GenerationConfig(
        eos_token_id=every_end(tokenizer, model.generation_config),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
    )
    return model
