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
    """Return the arms in the order in which the comparison names them."""
    by_folder = {run.folder.resolve(): run for run in runs}
    cells = {
        Path(cell.run).resolve(): cell
        for cell in comparison.cells
        if cell.role == STUDENT and Path(cell.run).resolve() in by_folder
    }
    labels = dict.fromkeys((cell.arm, cell.control) for cell in cells.values())
    return tuple(
        Arm(
            label=label,
            control=control,
            runs=tuple(
                sorted(
                    (by_folder[folder] for folder, cell in cells.items() if cell.arm == label),
                    key=lambda run: run.seed,
                )
            ),
        )
        for label, control in labels
    )


def accuracies(comparison: Comparison, task: str, role: str = STUDENT) -> list[CellScore]:
    """Return a role's accuracies on a task, a row per run."""
    return [
        cell
        for cell in comparison.cells
        if (cell.task, cell.metric, cell.role) == (task, ACCURACY, role)
    ]


def mean(values: Sequence[float]) -> float | None:
    """Return the mean; None of nothing."""
    return sum(values) / len(values) if values else None
