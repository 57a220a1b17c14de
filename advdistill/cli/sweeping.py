"""A multirun from the command line: lay out, write, drive; a known failure is one message."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from hydra.core.hydra_config import HydraConfig

from advdistill.cli.run import leaving
from advdistill.sweep.driving import Driver, Launch
from advdistill.sweep.following import CellProcess
from advdistill.sweep.grid import Axis
from advdistill.sweep.layout import Planner, lay_out
from advdistill.sweep.running import End, Worker
from advdistill.sweep.writing import Command, write_sweep
from advdistill.sweeping import SweepSettings

if TYPE_CHECKING:
    from omegaconf import DictConfig


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a command spells, and what carries it out."""

    name: str
    outputs: Path
    axes: Sequence[Axis]
    settings: SweepSettings
    command: Command
    plan_for: Planner
    launching: Callable[[Worker], Launch]
    """Returns what runs cells by this worker."""


@dataclass(frozen=True)
class Job:
    """What a launcher calls for a cell, in place of the program's own function."""

    worker: Worker

    def __call__(self, _: DictConfig) -> End:
        """Run the cell whose folder Hydra was given as the job's."""
        return self.worker.run(Path(HydraConfig.get().runtime.output_dir))


def run_sweep(call: Call) -> Path:
    """Run the sweep and return its folder; exits as `run_cell` does after a failure."""
    with leaving():
        cells = lay_out(call.axes, call.settings, call.plan_for)
        folder, cells = write_sweep(call.outputs, call.name, cells, call.command, call.plan_for)
        worker = Worker(
            sweep=folder,
            settings=call.settings,
            turn=uuid4().hex,
            follow=CellProcess(
                module="advdistill.cli.attempt",
                cwd=Path.cwd(),
                path=[entry or str(Path.cwd()) for entry in sys.path],
                limit_minutes=call.settings.limit_minutes,
            ),
        )
        Driver(
            folder=folder,
            settings=call.settings,
            launch=call.launching(worker),
            plan_for=call.plan_for,
        ).drive(cells)
        return folder
