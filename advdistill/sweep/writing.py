"""Writes a sweep's folder from its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill.digests import digest_of_json
from advdistill.sweep.driving import settled
from advdistill.sweep.finished import Inspector
from advdistill.sweep.layout import Planner
from advdistill.sweep.ledger import (
    CellFile,
    SweepFile,
    cell_folder,
    write_cell_file,
    write_sweep_file,
)

_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class Command:
    """What the person gave."""

    arguments: Sequence[str]
    """Overrides."""
    config_folder: str | None
    """What `--config-dir` named."""


def write_sweep(
    outputs: Path, name: str, cells: Sequence[CellFile], command: Command, plan_for: Planner
) -> tuple[Path, list[CellFile]]:
    """Write the folder of a sweep and return it, with the cells as they are known by now.

    Other cells make another sweep, with a folder of its own, also under the same name.
    """
    number = digest_of_json(sorted(cell.id for cell in cells))[:_DIGITS]
    folder = outputs / "sweeps" / name / number
    inspector = Inspector(outputs)
    known = [settled(cell, inspector, plan_for) for cell in cells]
    for cell in known:
        write_cell_file(cell_folder(folder, cell.id), cell)
    file = SweepFile(
        name=name,
        hash=number,
        cells=[cell.id for cell in cells],
        arguments=list(command.arguments),
        config_folder=command.config_folder,
    )
    write_sweep_file(folder, file)
    return folder, known
