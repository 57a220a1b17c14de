"""What a run's training took and on what, as its artefact recorded it."""

from __future__ import annotations

from advdistill.compare.runs import FinishedRun


def hours_of(run: FinishedRun) -> float | None:
    """Return the hours of a run's training; None where they were not recorded."""
    seconds = run.stages["train"].meta.get("seconds")
    return None if seconds is None else seconds / 3600


def hardware_of(run: FinishedRun) -> str | None:
    """Return what a run's student was trained on; None where it was not recorded."""
    return run.stages["train"].meta.get("hardware")
