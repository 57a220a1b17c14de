"""Sweep folders written by hand, whose cells are done in no time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from advdistill.gpus import Gpu
from advdistill.sweep.driving import Driver
from advdistill.sweep.following import Outcome
from advdistill.sweep.leases import Lending
from advdistill.sweep.ledger import CellFile, Sweep, cell_folder, read_cell_file, read_sweep
from advdistill.sweep.running import End, Follow, Worker
from advdistill.sweep.writing import Command, write_sweep
from advdistill.sweeping import SweepSettings
from tests.unit.sweep.finishing import TRACKING, finish

GPUS = [Gpu(uuid=f"GPU-{number}", model="Fake") for number in range(2)]


def settings(**changed: object) -> SweepSettings:
    plain: dict[str, object] = {
        "nulls": True, "null_of": None, "smoke": True, "keep_going": True, "retries": 0,
        "limit_minutes": None, "gpus": None, "cells_per_gpu": 1,
    }  # fmt: skip
    return SweepSettings(**{**plain, **changed})  # type: ignore[arg-type]


def cell(name: str, way: str = "done", *, pool: str = "p", equal_to: str | None = None) -> CellFile:
    """Return a cell that comes to such an end."""
    key = name.ljust(32, "0")
    return CellFile(
        id=key,
        key=None if equal_to else key,
        overrides=[f"weighting={name}"],
        levels={"weighting": name},
        seed=0,
        control=False,
        pool=pool,
        equal_to=equal_to,
        tracking=TRACKING,
        config={"runtime": {"processes": 1}, "way": way},
        choices={},
    )


@dataclass
class World:
    """A sweep that is driven in this process; `launched` notes what was handed out, by round."""

    outputs: Path
    cells: Sequence[CellFile]
    settings: SweepSettings = field(default_factory=settings)
    gpus: Sequence[Gpu] = ()
    launched: list[list[str]] = field(default_factory=list)
    lent: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        command = Command(arguments=["weighting=a,b"], config_folder=None)
        self.folder, self.known = write_sweep(
            self.outputs, "fake", self.cells, command, _plans_nothing
        )

    def run(self, cell: CellFile, follow: Follow | None = None) -> End:
        """Run one cell, by default in this process."""
        worker = Worker(
            sweep=self.folder,
            settings=self.settings,
            turn="1",
            follow=follow or self._act,
            lending=lambda cells_per_gpu: Lending(
                gpus=self.gpus, folder=self.outputs / "gpus", cells_per_gpu=cells_per_gpu
            ),
        )
        return worker.run(cell_folder(self.folder, cell.id))

    def drive(self) -> Sweep:
        """Run the command once; return the ledger after it."""
        Driver(
            folder=self.folder,
            settings=self.settings,
            launch=self._launch,
            plan_for=_plans_nothing,
        ).drive(self.known)
        return self.read()

    def read(self) -> Sweep:
        return read_sweep(self.folder)

    def states(self) -> dict[str, str]:
        return {cell.levels["weighting"]: cell.state.value for cell in self.read().cells}

    def _launch(self, cells: Sequence[CellFile]) -> list[End]:
        self.launched.append([cell.levels["weighting"] for cell in cells])
        return [self.run(cell) for cell in cells]

    def _act(self, cell: Path, number: int, gpus: Sequence[Gpu]) -> Outcome:
        """End as the cell's configuration says."""
        file = read_cell_file(cell)
        way = str(file.config["way"])
        self.lent.append([gpu.uuid for gpu in gpus])
        if way in ("fails", "refused") or (way == "fails_once" and number == 1):
            return Outcome(error=f"StageError: {way}", refused=way == "refused")
        assert file.key is not None
        finish(self.outputs, file.key)
        return Outcome(error=None)


def _plans_nothing(overrides: tuple[str, ...]) -> object:
    raise AssertionError(f"nothing is to be planned: {overrides}")
