"""The training loop: it hands numbers to the watch, checks on dev and writes checkpoints."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch

from advdistill.errors import StageError
from advdistill.interfaces import Example, Objective, TrainingJob
from advdistill.student.batches import Row
from advdistill.student.checkpoint import CHECKPOINTS, Progress
from advdistill.student.collapse import remember, require_sound
from advdistill.student.export import SUMMARY, export
from advdistill.student.finetune import Finetune
from advdistill.student.gradient import responses_of
from advdistill.student.memory import within_memory
from advdistill.student.parallel import whole
from advdistill.student.proof import prove
from advdistill.student.schedule import batches, learning_rate
from advdistill.student.share import gradient_of
from advdistill.student.training import Training, prepare
from advdistill.student.zero import Zero


def train(
    student: Finetune,
    objective: Objective,
    examples: Sequence[Example],
    *,
    folder: Path,
    job: TrainingJob,
) -> None:
    """Train from the last checkpoint in `folder`, or from the start, to `folder/model`."""
    if (folder / SUMMARY).exists():  # finished, and killed before its caller knew
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        return
    with _own_randomness(student.seed):
        training = prepare(student, objective, examples, folder=folder, job=job)
        progress = training.checkpoints.restore(training.base.model, training.optimizer)
        prove(training, folder)
        progress = _run(training, progress)
        if training.base.world.main:
            export(training, progress, folder)
        training.base.world.wait()


def _run(training: Training, progress: Progress) -> Progress:
    """Take the steps that are left; return where the training stands after the last."""
    student, by_prompt = training.student, training.base.rows.by_prompt
    if progress.step == 0:
        progress = _judge(training, progress)
    left = islice(batches(student, by_prompt, training.job.budget), progress.step, None)
    for step, prompt_ids in enumerate(left, progress.step + 1):
        rows = [row for name in prompt_ids for row in by_prompt[name]]
        numbers = _step(training, rows, step)
        training.job.watch.report(numbers, step)
        training.job.watch.progress(step, training.steps)
        progress = replace(
            progress,
            step=step,
            tokens=progress.tokens + int(numbers["tokens"]),
            vitals=remember(progress.vitals, numbers, student),
        )
        require_sound(progress.vitals, student, step)
        if step % student.eval_every == 0 or step == training.steps:
            progress = _judge(training, progress)
            training.checkpoints.save(training.base.model, training.optimizer, progress)
    return progress


def _step(training: Training, rows: Sequence[Row], step: int) -> dict[str, float]:
    """Do one update, or none if no response carries a loss; return its numbers."""
    rate = learning_rate(training.student, step, training.steps)
    training.base.model.train()
    responses = responses_of(rows) if rows else None
    denominator = training.objective.denominator(responses) if responses else 0.0
    if responses is None or denominator == 0:
        return {"learning_rate": rate, "tokens": 0.0}
    found = within_memory(
        lambda row_tokens: gradient_of(
            training.base,
            rows,
            objective=training.objective,
            denominator=denominator,
            job=replace(training.job, row_tokens=row_tokens),
        ),
        training.room,
        discard=training.optimizer.zero_grad,
        longest=max(row.length for row in rows),
        tokens=sum(row.length for row in rows),
    )
    norm = _update(training, rate)
    _require_finite(step, loss=found.loss, gradient_norm=norm)
    numbers = {
        "loss": found.loss,
        "learning_rate": rate,
        "gradient_norm": norm,
        "tokens": float(found.tokens),
    }
    if found.right:
        numbers["right_logprob"] = found.right_logprob / found.right
    if found.wrong:
        numbers["wrong_logprob"] = found.wrong_logprob / found.wrong
    return numbers


def _update(training: Training, rate: float) -> float:
    """Clip the gradient, follow it and clear it; return its norm before."""
    for group in training.optimizer.param_groups:
        group["lr"] = rate
    if isinstance(training.base.module, Zero):
        return training.base.module.update()
    norm = torch.nn.utils.clip_grad_norm_(
        training.base.model.parameters(), training.student.max_gradient_norm
    )
    training.optimizer.step()
    training.optimizer.zero_grad()
    return float(whole(norm))


def _judge(training: Training, progress: Progress) -> Progress:
    """Report the model's dev accuracy and note it if it is the best, the first among equals."""
    if training.job.validate is None:
        return progress
    training.base.model.eval()
    score = training.base.dev_accuracy(training.job.validate)
    training.job.watch.report({"dev_accuracy": score}, progress.step)
    if progress.best_score is not None and score <= progress.best_score:
        return progress
    return replace(progress, best_step=progress.step, best_score=score)


def _require_finite(step: int, *, loss: float, gradient_norm: float) -> None:
    for name, value in (("loss", loss), ("gradient_norm", gradient_norm)):
        if not math.isfinite(value):
            raise StageError(
                f"student: {name} of step {step} is {value}; wanted a finite number; lower "
                "student.learning_rate or bound the loss (objective.negative: unlikelihood); "
                "the checkpoints of earlier steps are kept"
            )


@contextmanager
def _own_randomness(seed: int) -> Iterator[None]:
    """Seed torch inside and give the caller's random state back."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
