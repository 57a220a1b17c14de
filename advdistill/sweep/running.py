"""Runs one cell: claims it, leases its devices, tries it as often as it may be tried."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from advdistill.errors import ConfigError
from advdistill.gpus import Gpu
from advdistill.sweep.attempts import Attempt, begin, claimed, end
from advdistill.sweep.finished import Finished, Inspector
from advdistill.sweep.following import Outcome
from advdistill.sweep.leases import Lending, lending_here
from advdistill.sweep.ledger import CellFile, outputs_of, read_cell_file
from advdistill.sweeping import SweepSettings

logger = logging.getLogger(__name__)

_HALTS = "halts"

Follow = Callable[[Path, int, Sequence[Gpu]], Outcome]
"""Makes the attempt of this number at the cell in this folder, on these devices."""


class End(StrEnum):
    """What became of a cell that was handed to a worker."""

    done = "done"
    failed = "failed"
    busy = "busy"
    """Another process has it."""
    skipped = "skipped"
    """Another cell had failed, and the sweep is not to keep going."""


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Runs cells of a sweep, wherever a launcher takes it."""

    sweep: Path
    settings: SweepSettings
    turn: str
    """Of this call of the command: a failure halts no other call."""
    follow: Follow
    lending: Callable[[int], Lending] = lending_here
    """Returns what can be lent where it is called, with so many cells on a device."""

    def run(self, cell: Path) -> End:
        """Run the cell in this folder, unless it is finished or another process runs it."""
        with claimed(cell) as mine:
            if not mine:
                return End.busy
            file = read_cell_file(cell)
            if is_finished(file, Inspector(outputs_of(self.sweep))):
                return End.done
            if self._halt.exists():
                return End.skipped
            if self._tried(cell, file, self.lending(self.settings.cells_per_gpu)):
                return End.done
            if not self.settings.keep_going:
                self._halt.parent.mkdir(exist_ok=True)
                self._halt.touch()
            return End.failed

    def _tried(self, cell: Path, file: CellFile, lent: Lending) -> bool:
        """Return whether one of the attempts that the cell has came to a good end."""
        for left in range(self.settings.retries, -1, -1):
            attempt = self._attempt(cell, file, lent)
            if attempt.error is None:
                return True
            again = left > 0 and not attempt.refused
            hint = "; it is tried again" if again else ""
            logger.warning("cell %s failed: %s%s", file.label, attempt.error, hint)
            if not again:
                break
        return False

    def _attempt(self, cell: Path, file: CellFile, lent: Lending) -> Attempt:
        try:
            with lent.lease(self._wanted(file, lent)) as gpus:
                return self._followed(cell, file, gpus)
        except ConfigError as refusal:
            attempt = begin(cell, gpus=0, gpu=None)
            return end(cell, attempt, error=str(refusal), refused=True)

    def _followed(self, cell: Path, file: CellFile, gpus: Sequence[Gpu]) -> Attempt:
        attempt = begin(cell, gpus=len(gpus), gpu=gpus[0].model if gpus else None)
        logger.info("\ncell      %s, attempt %d", file.label, attempt.number)
        with _noting_interrupts(cell, attempt):
            outcome = self.follow(cell, attempt.number, gpus)
        return end(cell, attempt, error=outcome.error, refused=outcome.refused)

    def _wanted(self, file: CellFile, lent: Lending) -> int:
        if self.settings.gpus is not None:
            return self.settings.gpus
        runtime = file.config["runtime"]
        assert isinstance(runtime, Mapping), "the configuration was planned"
        return runtime["processes"] if lent.gpus else 0

    @property
    def _halt(self) -> Path:
        return self.sweep / _HALTS / self.turn


def is_finished(cell: CellFile, inspector: Inspector) -> bool:
    """Return whether a cell is whole, of these versions, and tracked as its settings say."""
    found = inspector.look(cell.key)
    if not isinstance(found, Finished) or found.outdated is not None:
        return False
    return found.tracking == cell.tracking


@contextmanager
def _noting_interrupts(cell: Path, attempt: Attempt) -> Iterator[None]:
    """Write down that an attempt was interrupted if the block is."""
    try:
        yield
    except BaseException as error:
        end(cell, attempt, error=f"interrupted: {type(error).__name__}")
        raise
