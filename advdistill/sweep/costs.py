"""What a sweep took, stage by stage, and what its cells did not take because they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from advdistill.cache import Making, Sealed
from advdistill.making import shard_files
from advdistill.sweep.attempts import Attempt, attempts_of
from advdistill.sweep.finished import Finished, Inspector
from advdistill.sweep.ledger import (
    CellFile,
    cell_folder,
    outputs_of,
    read_cell_file,
    read_sweep_file,
)

_HOUR = 3600.0


@dataclass(frozen=True, kw_only=True)
class StageCost:
    """One stage over all finished cells."""

    stage: str
    uses: int
    """Cells and roles that rest on an artefact of it."""
    artefacts: int
    """How many they rest on: made once each, and shared."""
    found: int
    """Of these, made by a run that is no cell of the sweep."""
    unknown: int
    """Of these, made before it was kept how long that took."""
    seconds: float
    """Of making those that cells of the sweep made; the last attempt's, where earlier ones died."""
    saved_seconds: float
    """What the other uses would have taken, each as long as the one that was made."""
    gpu_hours: float
    """Seconds times the devices that the cell could see."""
    joules: float | None
    """What the visible GPUs used; None where none says."""
    tokens: int | None
    """Of answers sampled, or trained on; None for other stages."""


@dataclass(frozen=True, kw_only=True)
class SweepCost:
    """A sweep, as far as its cells are finished."""

    stages: Sequence[StageCost]
    attempts: int
    failed_attempts: int
    """Ended without success, or by a kill."""
    attempt_seconds: float
    """Of those with an end, failed ones also: what starting processes takes is in it."""
    attempt_gpu_hours: float


def cost_of(folder: Path) -> SweepCost:
    """Return what the sweep in this folder took.

    Raises:
        DataError: it is no sweep folder, or a file of it is damaged.
    """
    cells = [read_cell_file(cell_folder(folder, cell)) for cell in read_sweep_file(folder).cells]
    attempts = [one for cell in cells for one in attempts_of(cell_folder(folder, cell.id))]
    return SweepCost(
        stages=_stages(cells, Inspector(outputs_of(folder))),
        attempts=len(attempts),
        failed_attempts=sum(one.ended is None or one.error is not None for one in attempts),
        attempt_seconds=sum(one.seconds or 0.0 for one in attempts),
        attempt_gpu_hours=sum(_gpu_hours(one) for one in attempts),
    )


def _gpu_hours(attempt: Attempt) -> float:
    return (attempt.seconds or 0.0) * attempt.gpus / _HOUR


def _stages(cells: Sequence[CellFile], inspector: Inspector) -> list[StageCost]:
    keys = {cell.key for cell in cells}
    uses: dict[str, list[Sealed]] = {}
    for key in keys:
        found = inspector.look(key)
        for sealed in found.stages.values() if isinstance(found, Finished) else ():
            uses.setdefault(sealed.stage, []).append(sealed)
    return [_stage(stage, used, keys) for stage, used in sorted(uses.items(), key=_place)]


def _place(item: tuple[str, object]) -> int:
    return _ORDER.index(item[0])


_ORDER = (
    *("load", "check", "decontaminate", "sample", "judge"),
    *("weigh", "tokenise", "refer", "train", "evaluate"),
)


def _stage(stage: str, used: Sequence[Sealed], keys: set[str | None]) -> StageCost:
    counts: dict[Path, int] = {}
    for sealed in used:
        counts[sealed.folder] = counts.get(sealed.folder, 0) + 1
    by_folder = {sealed.folder: sealed for sealed in used}
    known = {folder: one.making for folder, one in by_folder.items() if one.making is not None}
    own = {folder: making for folder, making in known.items() if making.cell in keys}
    return StageCost(
        stage=stage,
        uses=len(used),
        artefacts=len(by_folder),
        found=len(by_folder) - len(own) - (len(by_folder) - len(known)),
        unknown=len(by_folder) - len(known),
        seconds=sum(making.seconds for making in own.values()),
        saved_seconds=sum(
            making.seconds * (counts[folder] - (folder in own)) for folder, making in known.items()
        ),
        gpu_hours=sum(making.seconds * making.gpus for making in own.values()) / _HOUR,
        joules=_joules(own),
        tokens=_tokens(stage, by_folder.values()),
    )


def _joules(own: Mapping[Path, Making]) -> float | None:
    told = [making.joules for making in own.values() if making.joules is not None]
    return sum(told) if told else None


def _tokens(stage: str, artefacts: Iterable[Sealed]) -> int | None:
    if stage == "sample":
        return sum(_sampled(sealed.folder) for sealed in artefacts)
    if stage == "train":
        return sum(sealed.meta["tokens"] for sealed in artefacts)
    return None


def _sampled(folder: Path) -> int:
    """Return the tokens of a pool of answers; those of a file may not say, and count as none."""
    columns = (pq.read_table(file, columns=["tokens"])["tokens"] for file in shard_files(folder))
    return sum(count or 0 for column in columns for count in column.to_pylist())
