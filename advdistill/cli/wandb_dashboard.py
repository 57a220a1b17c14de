"""`advdistill wandb-dashboard`: saves a W&B workspace and a report of a sweep's runs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from advdistill.errors import ConfigError
from advdistill.tracked_groups import group_at

_SAVED = "wandb_dashboard.json"
_MORE = """\
The target is a sweep's folder (outputs/sweeps/NAME/HASH) or that of a run that belongs to none
(outputs/runs/NAME/TIME). The runs are uploaded by `advdistill sync`. Given again, the command
replaces what it saved, at the same addresses.

examples:
  advdistill wandb-dashboard outputs/sweeps/quickstart/3f2a9c0d41be
"""


def main(arguments: Sequence[str]) -> int:
    """Save the workspace and the report, print their addresses, return 0.

    Raises:
        ConfigError: nobody is logged in to W&B, or `wandb-workspaces` is not installed.
        DataError: the target holds no runs that W&B can show.
    """
    options = _parser().parse_args(arguments)
    shown = group_at(options.target)
    if find_spec("wandb_workspaces") is None:
        raise ConfigError(
            "wandb-workspaces is not installed; wanted it for the workspace and the report; "
            "pip install -c constraints.txt 'advdistill[dashboards]'"
        )
    from advdistill.wandb_server import answering, logged_in

    with logged_in() as server:
        from advdistill.dashboards import View, dashboard_of, save

        view = View(
            entity=options.entity or shown.tracking.entity or server.entity,
            project=options.project or shown.tracking.project,
            group=shown.name,
            others=shown.others,
            factors=shown.factors,
        )
        with answering():
            saved = save(dashboard_of(view), options.target / _SAVED)
    print(f"workspace  {saved.workspace}\nreport     {saved.report}")
    return 0


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
