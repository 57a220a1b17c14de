"""`advdistill wandb-dashboard`: saves a W&B workspace and a report of a sweep's runs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from advdistill.errors import ConfigError, DataError
from advdistill.membership import group_of
from advdistill.sweep.ledger import SWEEP_FILE, cell_folder, read_cell_file, read_sweep
from advdistill.tracked_runs import RECORD

_SAVED = "wandb_dashboard.json"
_FACTORS = ("weighting",)
"""Of a target that varies nothing."""
_MORE = """\
The target is a sweep's folder (outputs/sweeps/NAME/HASH) or that of a run that belongs to none
(outputs/runs/NAME/TIME). The runs are uploaded by `advdistill sync`. Given again, the command
replaces what it saved, at the same addresses.

examples:
  advdistill wandb-dashboard outputs/sweeps/quickstart/3f2a9c0d41be
"""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The group of runs that a folder stands for, and where its runs were tracked."""

    group: str
    others: tuple[str, ...]
    """Groups of cells that an earlier sweep made first."""
    factors: tuple[str, ...]
    project: str
    entity: str | None


def main(arguments: Sequence[str]) -> int:
    """Save the workspace and the report, print their addresses, return 0.

    Raises:
        ConfigError: nobody is logged in to W&B, or `wandb-workspaces` is not installed.
        DataError: the target holds no runs that W&B can show.
    """
    options = _parser().parse_args(arguments)
    shown = shown_of(options.target)
    if find_spec("wandb_workspaces") is None:
        raise ConfigError(
            "wandb-workspaces is not installed; wanted it for the workspace and the report; "
            "pip install -c constraints.txt 'advdistill[dashboards]'"
        )
    from advdistill.wandb_server import answering, logged_in

    with logged_in() as server:
        from advdistill.dashboards import View, dashboard_of, save

        view = View(
            entity=options.entity or shown.entity or server.entity,
            project=options.project or shown.project,
            group=shown.group,
            others=shown.others,
            factors=shown.factors,
        )
        with answering():
            saved = save(dashboard_of(view), options.target / _SAVED)
    print(f"workspace  {saved.workspace}\nreport     {saved.report}")
    return 0


def shown_of(target: Path) -> Shown:
    """Return what to show of a sweep's folder or a run's.

    Raises:
        DataError: it is neither, or its runs were not tracked by W&B.
    """
    if (target / SWEEP_FILE).is_file():
        return _of_sweep(target)
    try:
        record = json.loads((target / RECORD).read_text())
        config: Any = OmegaConf.to_container(OmegaConf.load(target / "config.yaml"))
        group = str(record["group"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{target} is neither a sweep's folder (outputs/sweeps/NAME/HASH) nor a finished "
            f"run's (outputs/runs/NAME/TIME) ({error}); correct the path"
        ) from error
    project, entity = _place(target, config)
    return Shown(group=group, others=(), factors=_FACTORS, project=project, entity=entity)


def _of_sweep(folder: Path) -> Shown:
    sweep = read_sweep(folder)
    group = group_of(sweep.name, sweep.hash)
    file = read_cell_file(cell_folder(folder, sweep.cells[0].id))
    project, entity = _place(folder, file.config)
    records = [json.loads((cell.run / RECORD).read_text()) for cell in sweep.cells if cell.run]
    return Shown(
        group=group,
        others=tuple(dict.fromkeys(str(one["group"]) for one in records if one["group"] != group)),
        factors=tuple(dict.fromkeys(name for cell in sweep.cells for name in cell.levels))
        or _FACTORS,
        project=project,
        entity=entity,
    )


def _place(target: Path, config: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the project and the entity that the configuration tracks to."""
    tracking = config["tracking"]
    if "project" not in tracking:
        raise DataError(
            f"{target}: its runs were not tracked by W&B; wanted tracking=wandb; give their "
            "command again with it: nothing is trained anew"
        )
    return str(tracking["project"]), tracking["entity"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill wandb-dashboard",
        description="Save a W&B workspace and a report of a sweep's runs.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", type=Path, metavar="SWEEP|RUN")
    parser.add_argument("--entity", help="account or team, in place of the runs' own")
    parser.add_argument("--project", help="in place of the runs' own")
    return parser
