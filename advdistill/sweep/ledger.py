"""What a sweep's folder says of its cells.

<outputs>/sweeps/<name>/<hash>/
    sweep.json                     the sweep, and the command that made it
    cells/<id>/cell.json           a cell: overrides, levels, resolved configuration
    cells/<id>/attempts/001.json   one attempt at it; see attempts.py
    cells/<id>/claim.lock          held by the process that runs the cell
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from advdistill.errors import DataError
from advdistill.sweep.attempts import attempts_of, error_of, is_claimed
from advdistill.sweep.files import read_json, write_json
from advdistill.sweep.finished import Damaged, Finished, Inspector

SWEEP_FILE = "sweep.json"
CELL_FILE = "cell.json"
CELLS = "cells"

_File = TypeVar("_File")


class CellState(StrEnum):
    """How far a cell is."""

    planned = "planned"
    running = "running"
    """A living process has claimed it."""
    done = "done"
    """Its record and every file of its artefacts are whole."""
    outdated = "outdated"
    """The same, but of an earlier version of a stage: to be read, and made anew by the command."""
    failed = "failed"
    """Its last attempt ended without a record, was killed, or what it made was changed since."""


@dataclass(frozen=True, kw_only=True)
class CellFile:
    """A cell as `cell.json` holds it."""

    id: str
    key: str | None
    """Identity of its resolved configuration; None while that waits for another cell's outcome."""
    overrides: Sequence[str]
    levels: Mapping[str, str]
    """Factor -> option, of the swept axes but the seed."""
    seed: int
    control: bool
    """A null cell: what no weighting could have made better."""
    pool: str
    """Digest of what its pool of answers is made from: equal ones share it."""
    equal_to: str | None
    """The cell whose response tokens this one trains on as many of; None for none."""
    tracking: str
    """Digest of the settings that it is tracked with."""
    config: Mapping[str, object]
    """Resolved."""
    choices: Mapping[str, str]
    """The chosen option of each group."""

    @property
    def label(self) -> str:
        """What tells it from the sweep's other cells."""
        return label_of(self.levels, self.seed)


@dataclass(frozen=True, kw_only=True)
class SweepFile:
    """A sweep as `sweep.json` holds it."""

    name: str
    hash: str
    """Of its cells' ids."""
    cells: Sequence[str]
    """Ids in the order in which they run."""
    arguments: Sequence[str]
    """Overrides of the command that made it."""
    config_folder: str | None
    """What `--config-dir` named."""


@dataclass(frozen=True, kw_only=True)
class LedgerCell:
    """A cell and what came of it so far."""

    id: str
    levels: Mapping[str, str]
    """Factor -> option, of the swept axes but the seed."""
    seed: int
    control: bool
    """A null cell."""
    state: CellState
    run: Path | None
    """The run folder of a cell that is done or outdated."""
    error: str | None
    """Why it failed, or is outdated."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A sweep and its cells, in the order in which they run."""

    name: str
    folder: Path
    hash: str
    cells: tuple[LedgerCell, ...]


def read_sweep(folder: Path) -> Sweep:
    """Return the sweep, each cell as it is now: what a cell made is looked at file by file.

    Raises:
        DataError: it is no sweep folder, or a file of it is damaged.
    """
    file = read_sweep_file(folder)
    inspector = Inspector(outputs_of(folder))
    return Sweep(
        name=file.name,
        folder=folder,
        hash=file.hash,
        cells=tuple(_ledger_cell(folder, cell, inspector) for cell in file.cells),
    )


def read_sweep_file(folder: Path) -> SweepFile:
    """Return what `sweep.json` holds.

    Raises:
        DataError: it is missing or damaged.
    """
    return _as(SweepFile, folder / SWEEP_FILE, "that of a sweep's folder, outputs/sweeps/NAME/HASH")


def read_cell_file(folder: Path) -> CellFile:
    """Return what the `cell.json` of a cell's folder holds.

    Raises:
        DataError: it is missing or damaged.
    """
    return _as(CellFile, folder / CELL_FILE, "the file that the sweep wrote")


def write_sweep_file(folder: Path, sweep: SweepFile) -> None:
    """Write `sweep.json`, whole or not at all."""
    write_json(folder / SWEEP_FILE, asdict(sweep))


def write_cell_file(folder: Path, cell: CellFile) -> None:
    """Write the `cell.json` of a cell's folder, whole or not at all."""
    write_json(folder / CELL_FILE, asdict(cell))


def label_of(levels: Mapping[str, str], seed: int) -> str:
    """Return what tells a cell from the others of its sweep."""
    return " ".join([*(f"{factor}={option}" for factor, option in levels.items()), f"seed={seed}"])


def cell_folder(sweep: Path, cell: str) -> Path:
    """Return the folder of a sweep's cell."""
    return sweep / CELLS / cell


def outputs_of(sweep: Path) -> Path:
    """Return the outputs folder that a sweep's folder lies in."""
    return sweep.resolve().parents[2]


def _ledger_cell(sweep: Path, cell: str, inspector: Inspector) -> LedgerCell:
    folder = cell_folder(sweep, cell)
    file = read_cell_file(folder)
    found = inspector.look(file.key)
    state, error = _state(folder, found)
    return LedgerCell(
        id=file.id,
        levels=file.levels,
        seed=file.seed,
        control=file.control,
        state=state,
        run=found.run if isinstance(found, Finished) else None,
        error=error,
    )


def _state(folder: Path, found: Finished | Damaged | None) -> tuple[CellState, str | None]:
    if isinstance(found, Finished) and found.outdated is None:
        return CellState.done, None
    if is_claimed(folder):
        return CellState.running, None
    if isinstance(found, Finished):
        return CellState.outdated, found.outdated
    attempts = attempts_of(folder)
    if isinstance(found, Damaged):
        return CellState.failed, found.what
    if not attempts:
        return CellState.planned, None
    return CellState.failed, error_of(attempts[-1]) or "it left no record"


def _as(cls: type[_File], path: Path, wanted: str) -> _File:
    try:
        return cls(**read_json(path, wanted))
    except TypeError as error:
        raise DataError(
            f"{path} does not hold what it should ({error}); wanted {wanted}"
        ) from error
