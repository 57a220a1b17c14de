"""The runs of a comparison, sorted into arms that differ in their seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill.compare.claims import CellScore, Comparison
from advdistill.compare.runs import FinishedRun

ACCURACY = "accuracy"
STUDENT = "student"
ANCHORS = ("base", "teacher")
ROLES = {"teacher": "teacher", "base": "base student", "student": "student"}
"""What people call them."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """The runs that differ in nothing but their seed."""

    label: str
    control: bool
    """A null cell: what no weighting could have made better."""
    runs: tuple[FinishedRun, ...]
    """By seed."""


def arms_of(comparison: Comparison, runs: Sequence[FinishedRun]) -> tuple[Arm, ...]:
    """Return the arms in the order in which the comparison names them, no two with one label."""
    by_folder = {run.folder: run for run in runs}
    found: dict[tuple[str, bool], list[FinishedRun]] = {}
    for cell in comparison.cells:
        if cell.role == STUDENT and Path(cell.run) in by_folder:
            same = found.setdefault((cell.arm, cell.control), [])
            same += [run for run in [by_folder[Path(cell.run)]] if run not in same]
    return tuple(
        Arm(
            label=f"{label}, control" if control and (label, False) in found else label,
            control=control,
            runs=tuple(sorted(same, key=lambda run: run.seed)),
        )
        for (label, control), same in found.items()
    )


def accuracies_of(comparison: Comparison, task: str, arm: Arm) -> dict[int, float]:
    """Return the accuracies of an arm's students on a task in percent, by seed."""
    values = {cell.run: cell.value for cell in accuracies(comparison, task)}
    return {run.seed: values[str(run.folder)] for run in arm.runs if str(run.folder) in values}


def accuracies(comparison: Comparison, task: str, role: str = STUDENT) -> list[CellScore]:
    """Return a role's accuracies on a task: a row a student, and one for each other model."""
    return [
        cell
        for cell in comparison.cells
        if (cell.task, cell.metric, cell.role) == (task, ACCURACY, role)
    ]


def mean(values: Sequence[float]) -> float | None:
    """Return the mean; None of nothing."""
    return sum(values) / len(values) if values else None
