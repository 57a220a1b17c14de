"""One arm of `benchmarks.training`, in a process of its own: `python -m benchmarks.training_arms`.

Reads what to do as JSON on standard input and writes one line of JSON: seconds, processor seconds
and response tokens of the timed steps, the losses of all steps, and the peak resident memory.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback

from advdistill.budget import Budget, BudgetUnit
from advdistill.build import build
from advdistill.cli.composing import compose_run
from advdistill.interfaces import Example, Objective, Packing, Sharding, Student, TrainingJob
from advdistill.student.batches import Row, encode, own_end
from advdistill.student.finetune import Finetune
from advdistill.student.schedule import batches
from benchmarks.training_rows import FORMAT, examples

RATE = 1e-4
MAX_TOKENS = 2048
NO_BUDGET = Budget(unit=BudgetUnit.none, amount=1.0)


@dataclass(frozen=True, kw_only=True)
class Task:
    """What one arm is to do."""

    arm: str
    folder: str
    source: str
    samples: int
    batch_prompts: int
    steps: int
    row_tokens: int


@dataclass
class Stopwatch:
    """Notes of each step when it ends, what it trained on, its loss, and the process's size."""

    times: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    tokens: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    peak: float = 0.0

    def report(self, numbers: Mapping[str, float], step: int) -> None:
        """Note a step of the loop."""
        if step and "loss" in numbers:
            self.note(numbers["loss"], numbers["tokens"])

    def progress(self, done: int, total: int) -> None:
        """Keep nothing."""

    def note(self, loss: float, tokens: float) -> None:
        """Note a step."""
        self.times.append(time.perf_counter())
        self.processor.append(time.process_time())
        self.tokens.append(tokens)
        self.losses.append(loss)
        self.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def found(self) -> dict[str, object]:
        """Return the figures; the first step is not timed."""
        return {
            "seconds": self.times[-1] - self.times[0],
            "processor": self.processor[-1] - self.processor[0],
            "tokens": sum(self.tokens[1:]),
            "losses": self.losses,
            "peak": self.peak,
        }


def main() -> None:
    """Run the arm that standard input describes."""
    task = Task(**json.loads(sys.stdin.read()))
    watch = Stopwatch()
    student, found, steps = _prepared(task)
    arms = {"floor": _floor, "trl": _trl, "trl_compact": _trl_compact, "trl_padded": _trl_padded}
    arms.get(task.arm, _ours)(task, student, found, steps, watch)
    rows = [row for step in steps for row in step]
    prompts = {row.prompt_id: row.prompt_tokens for row in rows}
    print(
        json.dumps(
            {
                **watch.found(),
                "prompt_tokens": sum(prompts.values()) / len(prompts),
                "response_tokens": sum(row.response_tokens for row in rows) / len(rows),
            }
        )
    )


def _prepared(task: Task) -> tuple[Finetune, list[Example], list[list[Row]]]:
    """Return the student, its examples, and the rows of each step as the loop will see them."""
    tokenizer = AutoTokenizer.from_pretrained(task.folder)
    found = examples(
        task.source, tokenizer, prompts=task.steps * task.batch_prompts, samples=task.samples
    )
    cfg = compose_run(
        [
            "student=finetune",
            f"student.model={task.folder}",
            "student.dtype=float32",
            f"student.max_steps={task.steps}",
            f"student.batch_prompts={task.batch_prompts}",
            f"student.learning_rate={RATE}",
            "student.warmup=0.0",
            "student.min_learning_rate=1.0",
            f"student.max_tokens={MAX_TOKENS}",
            "student.gradient_checkpointing=false",
            f"student.eval_every={task.steps}",
        ]
    )
    student = build("student", cfg.student, Student)
    assert isinstance(student, Finetune)
    rows = encode(found, end=own_end(tokenizer), max_tokens=MAX_TOKENS).by_prompt
    names = batches(student, rows, NO_BUDGET)
    return student, found, [[row for name in batch for row in rows[name]] for batch in names]


def _ours(
    task: Task, student: Finetune, found: list[Example], _: list[list[Row]], watch: Stopwatch
) -> None:
    cfg = compose_run(["objective=weighted_nll"])
    job = TrainingJob(
        answer_format=FORMAT,
        validate=None,
        watch=watch,
        budget=NO_BUDGET,
        row_tokens=task.row_tokens,
        packing=Packing(task.arm),
        sharding=Sharding.none,
        compile=False,
    )
    with tempfile.TemporaryDirectory() as folder:
        student.train(
            build("objective", cfg.objective, Objective), found, folder=Path(folder), job=job
        )


def _trl(
    task: Task, student: Finetune, _: list[Example], steps: list[list[Row]], watch: Stopwatch
) -> None:
    """TRL with its best packing; its steps hold as many packed rows each, so other responses."""
    _train_trl(task, student, [row for rows in steps for row in rows], watch, packed=True)


def _trl_compact(
    task: Task, student: Finetune, found: list[Example], steps: list[list[Row]], watch: Stopwatch
) -> None:
    """TRL made to score response positions alone, as it does on a GPU."""
    from trl.trainer import utils

    utils._use_triton = lambda _device: True
    _trl(task, student, found, steps, watch)


def _trl_padded(
    task: Task, student: Finetune, _: list[Example], steps: list[list[Row]], watch: Stopwatch
) -> None:
    """TRL without packing: each of its steps holds the very rows of ours."""
    _train_trl(task, student, [row for rows in steps for row in rows], watch, packed=False)


def _train_trl(
    task: Task, student: Finetune, rows: Sequence[Row], watch: Stopwatch, *, packed: bool
) -> None:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    class Counted(SFTTrainer):
        """Counts the response tokens of each step."""

        counted = 0

        def compute_loss(self, model: Any, inputs: Any, *rest: Any, **options: Any) -> Any:
            Counted.counted += int((inputs["labels"] != -100).sum())
            return super().compute_loss(model, inputs, *rest, **options)

    class Note(TrainerCallback):
        """Tells the watch of each step's loss, which the trainer logs after it."""

        def on_log(self, *_: Any, logs: Mapping[str, float], **__: Any) -> None:
            if "loss" in logs:
                watch.note(logs["loss"], Counted.counted)
                Counted.counted = 0

    labels = [[-100] * row.prompt_tokens + row.ids[row.prompt_tokens :].tolist() for row in rows]
    table = Dataset.from_dict({"input_ids": [row.ids.tolist() for row in rows], "labels": labels})
    tokens = sum(len(row.ids) for row in rows)
    with tempfile.TemporaryDirectory() as folder:
        Counted(
            model=AutoModelForCausalLM.from_pretrained(task.folder, dtype=torch.float32),
            processing_class=AutoTokenizer.from_pretrained(task.folder),
            train_dataset=table,
            callbacks=[Note()],
            args=SFTConfig(
                output_dir=folder,
                loss_type="nll",
                packing=packed,
                packing_strategy="bfd",
                max_length=task.row_tokens,
                shuffle_dataset=False,
                train_sampling_strategy="sequential",
                per_device_train_batch_size=1 if packed else task.batch_prompts * task.samples,
                gradient_accumulation_steps=(
                    max(1, round(tokens / task.row_tokens / task.steps)) if packed else 1
                ),
                max_steps=task.steps,
                learning_rate=student.learning_rate,
                lr_scheduler_type="constant",
                weight_decay=student.weight_decay,
                max_grad_norm=student.max_gradient_norm,
                bf16=False,
                gradient_checkpointing=False,
                use_cpu=not torch.cuda.is_available(),
                logging_steps=1,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
        ).train()


def _floor(
    task: Task, _student: Finetune, _found: list[Example], _: list[list[Row]], watch: Stopwatch
) -> None:
    """What no trainer can do without: imports, weights, gradients and AdamW's two moments."""
    model = AutoModelForCausalLM.from_pretrained(task.folder, dtype=torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    watch.note(0.0, 0.0)
    optimizer.step()
    watch.note(0.0, 0.0)


if __name__ == "__main__":
    main()
