"""What a run's training took and on what, as its artefact recorded it."""

from __future__ import annotations

import json
from pathlib import Path

from advdistill.cache import Making, read_sealed
from advdistill.compare.runs import FinishedRun

_SECONDS = 3600
PROOF = "proof.json"


def hours_of(run: FinishedRun) -> float | None:
    """Return the hours of a run's training, GPUs times hours where there are any.

    None where they were not recorded.
    """
    making = _making(run)
    return None if making is None else making.seconds * max(making.gpus, 1) / _SECONDS


def on_gpus(run: FinishedRun) -> bool:
    """Return whether a run's student is known to be trained on GPUs."""
    making = _making(run)
    return making is not None and making.gpus > 0


def hardware_of(run: FinishedRun) -> str | None:
    """Return what a run's student was trained on; None where it was not recorded."""
    making = _making(run)
    return None if making is None else making.hardware


def software_of(run: FinishedRun) -> str | None:
    """Return the versions that a run's student was trained with; None where not recorded."""
    path: Path = run.stages["train"].folder / PROOF
    if not path.exists():
        return None
    proof = json.loads(path.read_text())
    return f"torch {proof['torch']}, transformers {proof['transformers']}"


def _making(run: FinishedRun) -> Making | None:
    sealed = read_sealed(run.stages["train"].folder)
    return None if sealed is None else sealed.making
