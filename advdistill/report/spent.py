"""What a run's stages took, as their artefacts recorded it."""

from __future__ import annotations

from advdistill.compare.runs import FinishedRun


def hours_of(run: FinishedRun) -> float | None:
    """Return the hours of a run's training; None where they were not recorded."""
    seconds = run.stages["train"].meta.get("seconds")
    return None if seconds is None else seconds / 3600
