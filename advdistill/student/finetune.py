"""Fine-tuning of a causal language model on weighted responses, whole or by an adapter."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from advdistill.answers import AnswerFormat
from advdistill.errors import ConfigError
from advdistill.interfaces import Example, Objective, Tokenise, TrainingJob
from advdistill.models import load_tokenizer, local_folders, prompt_ids, tokenizer_files
from advdistill.records import Prompt
from advdistill.token_ids import TextEncoder


class Dtype(StrEnum):
    """The numbers that the forward pass computes in and the trained model is stored in."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    """What is trained, its gradients and AdamW's state stay in float32 while training."""


class Overlong(StrEnum):
    """What becomes of a response that is, with its prompt, longer than `max_tokens`."""

    truncate = "truncate"
    """It is cut, no end is taught, and it is counted."""
    drop = "drop"
    """It is left out and counted."""
    error = "error"
    """The training is refused."""


ALL_LINEAR = "all-linear"


# Not frozen: OmegaConf cannot merge into a frozen child.
@dataclass(kw_only=True)
class Adapter:
    """Low-rank matrices beside frozen weights: LoRA, arXiv 2106.09685."""

    rank: int
    alpha: float
    """The product of the matrices is scaled by alpha / rank."""
    dropout: float
    """Of the adapter's inputs."""
    targets: list[str]
    """Names of linear modules, such as `q_proj`; or `all-linear` alone: all but the head."""
    quantise: bool
    """Keep the frozen weights in 4 bits, NF4 with its scales quantised too (arXiv 2305.14314)."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, value, fine, wanted in (
            ("rank", self.rank, self.rank >= 1, "at least 1"),
            ("alpha", self.alpha, self.alpha > 0, "above 0"),
            ("dropout", self.dropout, 0 <= self.dropout < 1, "0 or more, below 1"),
            (
                "targets",
                self.targets,
                len(self.targets) == 1 or (self.targets and ALL_LINEAR not in self.targets),
                f"names of modules, or [{ALL_LINEAR}] alone",
            ),
        ):
            if not fine:
                raise ConfigError(f"student.adapter: {name} is {value}; wanted {wanted}")


@dataclass(frozen=True, kw_only=True)
class Finetune:
    """Trains every parameter, or an adapter, with AdamW, all answers of a prompt in one step."""

    model: str
    revision: str | None
    dtype: Dtype
    adapter: Adapter | None
    """None: every parameter is trained."""
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
    """Prompt and response together."""
    overlong: Overlong
    gradient_checkpointing: bool
    eval_every: int
    """Steps between two checks on dev, each with a checkpoint."""
    keep_checkpoints: int
    """How many of the last ones are kept; the best one is kept besides."""
    collapse_window: int | None
    """Steps; the last ones against the first ones show a collapse, which stops; null: never."""
    collapse_drop: float
    """Nats per token by which both right and wrong answers have become less likely."""
    collapse_surge: float
    """Times the gradient norm of the first steps; a collapse has both marks."""

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
            (
                "collapse_window",
                self.collapse_window,
                self.collapse_window is None or self.collapse_window >= 1,
                "at least 1, or null",
            ),
            ("collapse_drop", self.collapse_drop, self.collapse_drop >= 0, "0 or more"),
            ("collapse_surge", self.collapse_surge, self.collapse_surge >= 1, "at least 1"),
        ):
            if not fine:
                raise ConfigError(f"student: {name} is {value}; wanted {wanted}")

    def sources(self) -> Sequence[Path]:
        """Return the model's folder, if it is a local one."""
        return local_folders(self.model)

    def tokenizer_sources(self) -> Sequence[Path]:
        """Return those of the model's files that its token ids depend on."""
        return tokenizer_files(self.model)

    def tokeniser(self, answer_format: AnswerFormat) -> Tokenise:
        """Return what makes the token ids of prompts and of answers."""
        tokenizer = load_tokenizer(self.model, self.revision)
        encode = TextEncoder(tokenizer)

        def tokenise(
            prompts: Sequence[Prompt], answers: Sequence[str]
        ) -> tuple[list[list[int]], list[list[int]]]:
            asked = prompt_ids(prompts, tokenizer, answer_format) if prompts else []
            return asked, encode(answers)

        return tokenise

    def check(self) -> None:
        """Find out before anything is spent whether what it needs is installed.

        Raises:
            ConfigError: weights are to be kept in 4 bits, and bitsandbytes is not there.
        """
        quantise = self.adapter is not None and self.adapter.quantise
        if quantise and find_spec("bitsandbytes") is None:
            raise ConfigError(
                "student: adapter.quantise is true, but bitsandbytes is not installed; "
                "pip install 'advdistill[qlora]', or set student.adapter.quantise=false"
            )

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
