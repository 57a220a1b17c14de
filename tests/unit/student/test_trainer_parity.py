"""Weights of 1 and one response a prompt: the student learns what transformers' Trainer teaches."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset, SequentialSampler
from transformers import AutoModelForCausalLM, PreTrainedModel, Trainer, TrainingArguments

from advdistill.budget import Budget, BudgetUnit
from advdistill.student.batches import Row, encode
from advdistill.student.schedule import batches
from tests.tiny import END, pool, tiny_model
from tests.unit.student.students import OBJECTIVE, Notebook, job, student

STEPS = 5
PROMPTS = 4
"""Of a step."""
AGREEMENT = 1e-6
LEARNING_RATE = 1e-3
"""AdamW's first steps are of this size where a gradient is mere rounding, too."""
IGNORED = -100


class Given(Dataset[dict[str, list[int]]]):
    """The rows of all steps in their order."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> dict[str, list[int]]:
        row = self.rows[place]
        ids = row.ids.tolist()
        return {
            "input_ids": ids,
            "labels": [IGNORED] * row.prompt_tokens + ids[row.prompt_tokens :],
        }


def collated(rows: Sequence[Mapping[str, list[int]]]) -> dict[str, torch.Tensor]:
    """Return the rows filled up to the longest."""
    width = max(len(row["input_ids"]) for row in rows)

    def filled(name: str, value: int) -> torch.Tensor:
        return torch.tensor([row[name] + [value] * (width - len(row[name])) for row in rows])

    return {
        "input_ids": filled("input_ids", 0),
        "labels": filled("labels", IGNORED),
        "attention_mask": torch.tensor(
            [[1] * len(row["input_ids"]) + [0] * (width - len(row["input_ids"])) for row in rows]
        ),
    }


class Plain(Trainer):
    """Takes the rows as they come and keeps each pass's share of the loss unrounded."""

    shares: list[float]

    def _get_train_sampler(self, *given: Any, **named: Any) -> SequentialSampler:
        assert self.train_dataset is not None
        return SequentialSampler(self.train_dataset)  # type: ignore[arg-type] - it has a length

    def training_step(self, *given: Any, **named: Any) -> torch.Tensor:
        loss = super().training_step(*given, **named)
        self.shares.append(float(loss))
        return loss


def by_trainer(
    model: str, rows: Sequence[Row], folder: Path
) -> tuple[list[float], PreTrainedModel]:
    """Return the losses of the steps and the trained model, each step in two passes."""
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=PROMPTS // 2,
        gradient_accumulation_steps=2,
        max_steps=STEPS,
        learning_rate=LEARNING_RATE,
        lr_scheduler_type="constant",
        weight_decay=0.01,
        max_grad_norm=1.0,
        optim="adamw_torch",
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
    )
    trained = AutoModelForCausalLM.from_pretrained(model)
    trainer = Plain(
        model=trained,
        args=arguments,
        train_dataset=Given(rows),
        data_collator=collated,
    )
    trainer.shares = []
    trainer.train()
    halves = zip(trainer.shares[::2], trainer.shares[1::2], strict=True)
    return [one + other for one, other in halves], trained


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_losses_and_weights_are_those_of_the_trainer_of_transformers(tmp_path: Path) -> None:
    base = tiny_model(tmp_path / "base")
    examples = [replace(one, weight=1.0, right=True) for one in pool(11, 1)]
    found = encode(examples, end=END, max_tokens=128)
    ours = student(
        base,
        max_steps=STEPS,
        batch_prompts=PROMPTS,
        learning_rate=LEARNING_RATE,
        warmup=0.0,
        min_learning_rate=1.0,
    )
    none = Budget(unit=BudgetUnit.none, amount=1.0)
    order = [name for step in batches(ours, found.by_prompt, none) for name in step]
    rows = [found.by_prompt[name][0] for name in order]
    assert len(rows) == STEPS * PROMPTS

    notebook = Notebook()
    ours.train(OBJECTIVE, examples, folder=tmp_path / "ours", job=job(notebook))
    losses, theirs = by_trainer(base, rows, tmp_path / "theirs")
    assert losses[-1] < 0.99 * losses[0]
    assert [*notebook.column("loss").values()] == pytest.approx(losses, rel=AGREEMENT)
    mine = AutoModelForCausalLM.from_pretrained(tmp_path / "ours" / "model").state_dict()
    for name, wanted in theirs.state_dict().items():
        assert float((mine[name] - wanted).norm() / wanted.norm()) < AGREEMENT, name
