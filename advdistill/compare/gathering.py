"""The runs of a sweep, or those that a person names, as members of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill.compare.arms import Member, label_of, members_of
from advdistill.compare.claims import Refusal
from advdistill.compare.runs import RECORD, read_run
from advdistill.errors import DataError
from advdistill.sweep.ledger import SWEEP_FILE, CellState, LedgerCell, read_sweep


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What is compared, and what should have been."""

    title: str
    members: tuple[Member, ...]
    refusals: tuple[Refusal, ...]


def gather(folders: Sequence[Path]) -> Gathered:
    """Return the finished runs below the folders: of one sweep by its levels, else as they differ.

    Raises:
        DataError: a folder is neither a run nor a sweep, a run is damaged, or none is finished.
    """
    sweeps = [folder for folder in folders if (folder / SWEEP_FILE).is_file()]
    if sweeps and len(folders) == 1:
        return _of_sweep(sweeps[0])
    gathered = [_of_sweep(folder) for folder in sweeps]
    runs = [read_run(folder) for folder in folders if folder not in sweeps]
    runs += [member.run for one in gathered for member in one.members]
    unique = {run.folder: run for run in runs}
    return Gathered(
        title=", ".join(
            dict.fromkeys([*(one.title for one in gathered), *_names(folders, sweeps)])
        ),
        members=tuple(members_of(list(unique.values()))),
        refusals=tuple(refusal for one in gathered for refusal in one.refusals),
    )


def _names(folders: Sequence[Path], sweeps: Sequence[Path]) -> list[str]:
    return [folder.resolve().parent.name for folder in folders if folder not in sweeps]


def _of_sweep(folder: Path) -> Gathered:
    sweep = read_sweep(folder)
    members: list[Member] = []
    refusals: list[Refusal] = []
    for cell in sweep.cells:
        if cell.run is None:
            refusals.append(_unfinished(cell))
            continue
        try:
            run = read_run(cell.run)
        except DataError as error:
            refusals.append(Refusal(first=_named(cell), second="", kind="torn", reason=str(error)))
        else:
            members.append(Member(run=run, levels=cell.levels, control=cell.control))
    if not members:
        raise DataError(
            f"{folder}: none of its {len(sweep.cells)} cells is finished; wanted runs with a "
            f"{RECORD}; give the sweep's command again, which goes on where it stopped"
        )
    return Gathered(
        title=f"{sweep.name} {sweep.hash[:12]}", members=tuple(members), refusals=tuple(refusals)
    )


def _unfinished(cell: LedgerCell) -> Refusal:
    why = f": {cell.error}" if cell.state is CellState.failed and cell.error else ""
    return Refusal(
        first=_named(cell),
        second="",
        kind="missing",
        reason=(
            f"{_named(cell)} is {cell.state}{why}; wanted it finished; give the sweep's command "
            "again, which runs only what is missing"
        ),
    )


def _named(cell: LedgerCell) -> str:
    return f"{label_of(cell.levels)}, seed {cell.seed}"
