"""The looks of a comparison: recorded before anything of it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from advdistill.compare.arms import Member
from advdistill.compare.claims import Comparison, Looks
from advdistill.compare.looks import Look, record_look


def counted(comparison: Comparison, members: Sequence[Member]) -> Comparison:
    """Return the comparison with its looks, each recorded in the outputs of its runs.

    Raises:
        DataError: a look cannot be recorded.
    """
    looks = [
        found
        for (outputs, digest, task), runs in _asked(comparison, members).items()
        for found in [_recorded(comparison, outputs, digest, task, runs)]
    ]
    notes = [note for one in looks for note in _notes(one)]
    return replace(comparison, looks=tuple(looks), notes=(*comparison.notes, *notes))


def _asked(
    comparison: Comparison, members: Sequence[Member]
) -> dict[tuple[Path, str, str], set[str]]:
    """Return the students whose scores are shown, by outputs folder, test items and task."""
    shown = {(cell.run, cell.task) for cell in comparison.cells if cell.role == "student"}
    found: dict[tuple[Path, str, str], set[str]] = {}
    for member in members:
        run = member.run
        for task in run.tasks:
            if (str(run.folder), task) in shown:
                key = (run.folder.parents[2], run.test_digest(task), task)
                found.setdefault(key, set()).add(run.digests["train"])
    return found


def _recorded(
    comparison: Comparison, outputs: Path, digest: str, task: str, students: set[str]
) -> Looks:
    metric = comparison.cells[0].metric
    return record_look(
        outputs,
        Look(
            task=task,
            items_digest=digest,
            checkpoints=tuple(sorted(students)),
            metric=metric,
            question=f"{comparison.factor or 'nothing'} against {comparison.baseline or 'nothing'}",
            margin=comparison.margin.points,
        ),
    )


def _notes(looks: Looks) -> list[str]:
    notes = []
    if looks.looks > 1:
        notes.append(
            f"The {looks.task} test items ({looks.items_digest[:12]}) were looked at "
            f"{looks.looks} times, with {looks.checkpoints} checkpoints: no p-value here is "
            "corrected for that. What was chosen by these items needs new ones to be confirmed."
        )
    if len(looks.margins) > 1:
        spelt = ", ".join(f"{one:g}" for one in looks.margins)
        notes.append(
            f"Looks at these items used different margins ({spelt} points): only the first can "
            "have been declared beforehand."
        )
    return notes
