"""Full fine-tuning of a causal language model on weighted responses."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from advdistill.errors import ConfigError
from advdistill.interfaces import Example, Objective, TrainingJob
from advdistill.models import local_folders


class Dtype(StrEnum):
    """The numbers that the forward pass computes in and the trained model is stored in."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    """Parameters, gradients and AdamW's state stay in float32 while training."""


@dataclass(frozen=True, kw_only=True)
class Finetune:
    """Trains every parameter with AdamW, one process, all answers of a prompt in one step."""

    model: str
    revision: str | None
    dtype: Dtype
    seed: int
    epochs: float
    max_steps: int | None
    """Optimizer steps; where given, `epochs` has no say."""
    batch_prompts: int
    """Prompts per optimizer step, each with all its responses."""
    learning_rate: float
    warmup: float
    """Share of the steps in which the learning rate rises from 0 to its peak."""
    min_learning_rate: float
    """Share of the peak at which the cosine ends."""
    weight_decay: float
    """On matrices; norms and biases have none."""
    max_gradient_norm: float
    max_tokens: int
    """Prompt and response together; longer ones are left out and counted."""
    gradient_checkpointing: bool
    eval_every: int
    """Steps between two checks on dev, each with a checkpoint."""
    keep_checkpoints: int
    """How many of the last ones are kept; the best one is kept besides."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        share = "a share from 0 to 1"
        for name, value, fine, wanted in (
            ("epochs", self.epochs, self.epochs > 0, "above 0"),
            (
                "max_steps",
                self.max_steps,
                self.max_steps is None or self.max_steps >= 1,
                "at least 1, or null",
            ),
            ("batch_prompts", self.batch_prompts, self.batch_prompts >= 1, "at least 1"),
            ("learning_rate", self.learning_rate, self.learning_rate > 0, "above 0"),
            ("warmup", self.warmup, 0 <= self.warmup <= 1, share),
            ("min_learning_rate", self.min_learning_rate, 0 <= self.min_learning_rate <= 1, share),
            ("weight_decay", self.weight_decay, self.weight_decay >= 0, "0 or more"),
            ("max_gradient_norm", self.max_gradient_norm, self.max_gradient_norm > 0, "above 0"),
            ("max_tokens", self.max_tokens, self.max_tokens >= 2, "at least 2"),
            ("eval_every", self.eval_every, self.eval_every >= 1, "at least 1"),
            ("keep_checkpoints", self.keep_checkpoints, self.keep_checkpoints >= 1, "at least 1"),
        ):
            if not fine:
                raise ConfigError(f"student: {name} is {value}; wanted {wanted}")

    def sources(self) -> Sequence[Path]:
        """Return the model's folder, if it is a local one."""
        return local_folders(self.model)

    def train(
        self,
        objective: Objective,
        examples: Sequence[Example],
        *,
        folder: Path,
        job: TrainingJob,
    ) -> None:
        """Train and leave model and tokenizer in `folder/model` and the counts in `training.json`.

        Raises:
            DataError: there is nothing to train on.
            StageError: the loss is not finite; the last good checkpoint is kept.
        """
        from advdistill.student.loop import train

        train(self, objective, examples, folder=folder, job=job)

    def refer(self, examples: Sequence[Example], *, job: TrainingJob) -> list[float | None]:
        """Return the base model's log-prob of each response, summed over its tokens.

        None for a response that `train` would leave out; weights have no say.
        """
        from advdistill.student.reference import refer

        return refer(self, examples, job=job)
