"""Which tracked runs a folder stands for: a sweep's, a run's or an offline run's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from advdistill.errors import DataError
from advdistill.membership import group_of
from advdistill.offline_runs import TOLD, OfflineRun, find_offline_run, read_offline_run
from advdistill.sweep.ledger import SWEEP_FILE, CellState, LedgerCell, label_of, read_sweep
from advdistill.telling_comparison import comparison_id

RECORD = "record.json"


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """A cell or a comparison, and where W&B has it."""

    label: str
    offline: OfflineRun | None
    reason: str
    """Why there is no finished offline run; empty where there is one."""


def tracked_runs(target: Path) -> list[TrackedRun]:
    """Return the runs that a folder stands for.

    Raises:
        DataError: it is no folder of a sweep, a run or a finished offline run, or is damaged.
    """
    if (target / SWEEP_FILE).is_file():
        return list(_of_sweep(target.absolute()))
    if (target / RECORD).is_file():
        return [_of_run(target.name, target.absolute())]
    if (target / TOLD).is_file() or target.name.startswith("offline-run-"):
        run = read_offline_run(target)
        return [TrackedRun(label=run.told.run_id, offline=run, reason="")]
    raise DataError(
        f"{target} is no folder with {SWEEP_FILE}, {RECORD} or {TOLD}; wanted a sweep's "
        "(outputs/sweeps/NAME/HASH), a finished run's (outputs/runs/NAME/TIME) or an offline "
        "run's (outputs/wandb/offline-run-...); correct the path"
    )


def _of_sweep(folder: Path) -> Iterator[TrackedRun]:
    sweep = read_sweep(folder)
    for cell in sweep.cells:
        label = label_of(cell.levels, cell.seed)
        if cell.run is None:
            yield TrackedRun(label=label, offline=None, reason=_unfinished(cell))
        else:
            yield _of_run(label, cell.run)
    compared = find_offline_run(folder.parents[2], comparison_id(group_of(sweep.name, sweep.hash)))
    if compared is not None:
        yield TrackedRun(label="comparison", offline=read_offline_run(compared), reason="")


def _of_run(label: str, folder: Path) -> TrackedRun:
    record = _record(folder)
    if record["tracked"] is None:
        reason = "it was not tracked; give its command again with tracking=wandb"
        return TrackedRun(label=label, offline=None, reason=reason)
    if "://" in str(record["tracked"]):
        reason = f"it went online by itself: {record['tracked']}"
        return TrackedRun(label=label, offline=None, reason=reason)
    found = find_offline_run(folder.parents[2], str(record["key"])[:16])
    if found is None:
        reason = f"{record['tracked']} is gone; delete the cell's file in outputs/cells and give "
        return TrackedRun(label=label, offline=None, reason=f"{reason}its command again")
    return TrackedRun(label=label, offline=read_offline_run(found), reason="")


def _record(folder: Path) -> dict[str, object]:
    path = folder / RECORD
    try:
        record = json.loads(path.read_text())
        return {name: record[name] for name in ("key", "tracked")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is damaged ({error!r}); wanted it as the run wrote it; give the run's command "
            "again to write a new one"
        ) from error


def _unfinished(cell: LedgerCell) -> str:
    why = f" ({cell.error})" if cell.state is CellState.failed and cell.error else ""
    return f"its cell is {cell.state.value}{why}; give the sweep's command again"
