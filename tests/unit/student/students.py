"""Students, objectives and jobs for the tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from advdistill.budget import Budget, BudgetUnit
from advdistill.interfaces import Packing, Sharding, TrainingJob, Validate
from advdistill.objective.weighted_nll import Negative, Normaliser, WeightedNLL
from advdistill.student.finetune import Adapter, Dtype, Finetune, Overlong
from tests.tiny import ANSWER_FORMAT

OBJECTIVE = WeightedNLL(
    normaliser=Normaliser.tokens,
    constant=1.0,
    negative=Negative.unlikelihood,
    allow_unbounded=False,
)

NO_BUDGET = Budget(unit=BudgetUnit.none, amount=1.0)


def student(
    model: str,
    *,
    dtype: Dtype = Dtype.float32,
    adapter: Adapter | None = None,
    epochs: float = 1.0,
    max_steps: int | None = None,
    batch_prompts: int = 4,
    learning_rate: float = 1e-2,
    warmup: float = 0.1,
    min_learning_rate: float = 0.1,
    max_tokens: int = 128,
    overlong: Overlong = Overlong.drop,
    gradient_checkpointing: bool = False,
    eval_every: int = 5,
    keep_checkpoints: int = 2,
    collapse_window: int | None = None,
    collapse_drop: float = 0.5,
    collapse_surge: float = 4.0,
) -> Finetune:
    """Return a student with a learning rate that a few steps can be seen by."""
    return Finetune(
        model=model,
        revision=None,
        dtype=dtype,
        adapter=adapter,
        seed=0,
        epochs=epochs,
        max_steps=max_steps,
        batch_prompts=batch_prompts,
        learning_rate=learning_rate,
        warmup=warmup,
        min_learning_rate=min_learning_rate,
        weight_decay=0.01,
        max_gradient_norm=1.0,
        max_tokens=max_tokens,
        overlong=overlong,
        gradient_checkpointing=gradient_checkpointing,
        eval_every=eval_every,
        keep_checkpoints=keep_checkpoints,
        collapse_window=collapse_window,
        collapse_drop=collapse_drop,
        collapse_surge=collapse_surge,
    )


class StoppedError(Exception):
    """Stands for a kill."""


@dataclass
class Notebook:
    """Keeps what is reported; stops the training at one step of its updates if asked to."""

    stop_at: int | None = None
    lines: list[tuple[int, dict[str, float]]] = field(default_factory=list)

    def report(self, numbers: Mapping[str, float], step: int) -> None:
        if step == self.stop_at and "learning_rate" in numbers:
            raise StoppedError
        self.lines.append((step, dict(numbers)))

    def progress(self, done: int, total: int) -> None:
        """Keep nothing."""

    def column(self, name: str) -> dict[int, float]:
        """Return one reported number by step."""
        return {step: numbers[name] for step, numbers in self.lines if name in numbers}


def job(
    notebook: Notebook | None = None,
    *,
    validate: Validate | None = None,
    row_tokens: int = 256,
    packing: Packing = Packing.auto,
    budget: Budget = NO_BUDGET,
    compile: bool = False,
) -> TrainingJob:
    """Return what the loop is given beside the examples."""
    return TrainingJob(
        answer_format=ANSWER_FORMAT,
        validate=validate,
        watch=notebook if notebook is not None else Notebook(),
        budget=budget,
        row_tokens=row_tokens,
        packing=packing,
        sharding=Sharding.none,
        compile=compile,
    )


def fingerprints(folder: Path) -> dict[str, str]:
    """Return the digest of every file below a folder."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
