"""The training loop: it hands numbers to the watch, checks on dev and writes checkpoints."""

from __future__ import annotations

import json
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
from advdistill.models import load_tokenizer
from advdistill.student.attention import tree_attention
from advdistill.student.batches import Row
from advdistill.student.checkpoint import CHECKPOINTS, Progress, commit
from advdistill.student.finetune import Dtype, Finetune
from advdistill.student.gradient import accumulate, responses_of
from advdistill.student.loading import load_base
from advdistill.student.packing import micro_batches
from advdistill.student.schedule import batches, learning_rate
from advdistill.student.training import Training, prepare

SUMMARY = "training.json"
"""Written last; a folder that has it is finished."""


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
        progress = _run(training, progress)
        _export(training, progress, folder)


def _run(training: Training, progress: Progress) -> Progress:
    """Take the steps that are left; return where the training stands after the last."""
    student, by_prompt = training.student, training.base.rows.by_prompt
    if progress.step == 0:
        progress = _judge(training, progress)
    left = islice(batches(student, list(by_prompt)), progress.step, None)
    for step, prompt_ids in enumerate(left, progress.step + 1):
        rows = [row for name in prompt_ids for row in by_prompt[name]]
        numbers = _step(training, rows, step)
        training.job.watch.report(numbers, step)
        training.job.watch.progress(step, training.steps)
        progress = replace(progress, step=step, tokens=progress.tokens + int(numbers["tokens"]))
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
    device, job = training.base.accelerator.device, training.job
    passes = [
        batch.to(device)
        for batch in micro_batches(rows, packing=job.packing, row_tokens=job.row_tokens)
    ]
    with tree_attention(training.base.model):
        found = accumulate(
            training.base.forward,
            responses,
            passes,
            objective=training.objective,
            denominator=denominator,
            backward=training.base.accelerator.backward,
        )
    norm = _clip(training)
    _require_finite(step, loss=found.loss, gradient_norm=norm)
    for group in training.optimizer.param_groups:
        group["lr"] = rate
    training.optimizer.step()
    training.optimizer.zero_grad()
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


def _clip(training: Training) -> float:
    norm = training.base.accelerator.clip_grad_norm_(
        training.base.model.parameters(), training.student.max_gradient_norm
    )
    assert norm is not None, "only DeepSpeed clips out of sight, and `prepare` refuses it"
    return float(norm)


def _judge(training: Training, progress: Progress) -> Progress:
    """Report the model's dev accuracy and note it if it is the best, the first among equals."""
    if training.job.validate is None:
        return progress
    training.base.model.eval()
    with training.base.autocast():
        score = training.job.validate(training.base.model, training.base.tokenizer)
    training.job.watch.report({"dev_accuracy": score}, progress.step)
    if progress.best_score is not None and score <= progress.best_score:
        return progress
    return replace(progress, best_step=progress.step, best_score=score)


def _export(training: Training, progress: Progress, folder: Path) -> None:
    """Leave the best model, or the last one without dev, in `folder/model`."""
    student, model = training.student, training.base.model
    best = progress.step if progress.best_step is None else progress.best_step
    if best == 0:
        model = load_base(student, training.base.tokenizer)
    else:
        training.checkpoints.load_weights(model, best)
    draft = folder / "model.draft"
    shutil.rmtree(draft, ignore_errors=True)
    if student.dtype is Dtype.bfloat16:
        model.bfloat16()
    model.save_pretrained(draft)
    # Loaded anew: the one in use may have been told to pad by whoever validated with it.
    load_tokenizer(student.model, student.revision).save_pretrained(draft)
    commit(draft, folder / "model")
    summary = {
        "steps": progress.step,
        "best_step": progress.best_step,
        "best_dev_accuracy": progress.best_score,
        "examples_used": training.base.rows.used,
        "examples_dropped": training.base.rows.dropped,
        "tokens": progress.tokens,
    }
    draft = folder / f"{SUMMARY}.tmp"
    draft.write_text(json.dumps(summary, indent=2) + "\n")
    draft.replace(folder / SUMMARY)
    shutil.rmtree(training.checkpoints.folder, ignore_errors=True)


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
