"""Which group of W&B a folder stands for: a sweep's, or a run's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from omegaconf import OmegaConf

from advdistill.build import build
from advdistill.errors import DataError
from advdistill.membership import group_of
from advdistill.sweep.ledger import SWEEP_FILE, cell_folder, read_cell_file, read_sweep
from advdistill.tracked_runs import RECORD
from advdistill.tracking import Tracking, WandbTracking

_FACTORS = ("weighting",)
"""Of a folder that varies nothing."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group of runs, and how they are tracked."""

    name: str
    others: tuple[str, ...]
    """Groups of cells that an earlier sweep made first."""
    factors: tuple[str, ...]
    tracking: WandbTracking
    outputs: Path


def group_at(folder: Path) -> Group:
    """Return the group of a sweep's folder or a run's.

    Raises:
        DataError: it is neither, or its runs were not tracked by W&B.
    """
    folder = folder.absolute()
    if (folder / SWEEP_FILE).is_file():
        return _of_sweep(folder)
    try:
        name = str(json.loads((folder / RECORD).read_text())["group"])
        tracking = OmegaConf.load(folder / "config.yaml")["tracking"]  # type: ignore[index]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder} is neither a sweep's folder (outputs/sweeps/NAME/HASH) nor a finished "
            f"run's (outputs/runs/NAME/TIME) ({error}); correct the path"
        ) from error
    return Group(
        name=name,
        others=(),
        factors=_FACTORS,
        tracking=_tracking(folder, tracking),
        outputs=folder.parents[2],
    )


def _of_sweep(folder: Path) -> Group:
    sweep = read_sweep(folder)
    name = group_of(sweep.name, sweep.hash)
    file = read_cell_file(cell_folder(folder, sweep.cells[0].id))
    records = [json.loads((cell.run / RECORD).read_text()) for cell in sweep.cells if cell.run]
    factors = dict.fromkeys(factor for cell in sweep.cells for factor in cell.levels)
    return Group(
        name=name,
        others=tuple(dict.fromkeys(one["group"] for one in records if one["group"] != name)),
        factors=tuple(factors) or _FACTORS,
        tracking=_tracking(folder, file.config["tracking"]),
        outputs=folder.parents[2],
    )


def _tracking(folder: Path, node: object) -> WandbTracking:
    cfg = OmegaConf.create({"tracking": node})
    tracking = build("tracking", cfg.tracking, Tracking)
    if not isinstance(tracking, WandbTracking):
        raise DataError(
            f"{folder}: its runs were not tracked by W&B; wanted tracking=wandb; give their "
            "command again with it: nothing is trained anew"
        )
    return tracking
