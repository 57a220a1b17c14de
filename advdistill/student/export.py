"""What a training leaves behind: the model to load and the counts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from advdistill.models import load_tokenizer
from advdistill.student.checkpoint import Progress, commit
from advdistill.student.finetune import Dtype
from advdistill.student.loading import load_base
from advdistill.student.parallel import is_sharded
from advdistill.student.training import Training

SUMMARY = "training.json"
"""Written last; a folder that has it is finished."""

ADAPTER = "adapter"
"""The folder of an adapter beside that of the model it is merged into."""


def export(training: Training, progress: Progress, folder: Path) -> None:
    """Leave the best model, or the last one without dev, in `folder/model`.

    One with an adapter is merged; the adapter alone lies in `folder/adapter`.
    """
    student, model = training.student, training.base.model
    best = progress.step if progress.best_step is None else progress.best_step
    if best == 0 or is_sharded(model):
        model = load_base(student, training.base.tokenizer)
    if best:
        training.checkpoints.load_weights(model, best)
    if student.adapter is not None:
        from advdistill.student.adapters import merged, save_adapter  # see `load_base`

        save_adapter(student, model, folder / ADAPTER)
        model = merged(student, model)
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
        "examples_truncated": training.base.rows.truncated,
        "tokens": progress.tokens,
    }
    draft = folder / f"{SUMMARY}.tmp"
    draft.write_text(json.dumps(summary, indent=2) + "\n")
    draft.replace(folder / SUMMARY)
    shutil.rmtree(training.checkpoints.folder, ignore_errors=True)
