"""Runs one cell: claims it, leases its devices, and follows a process of its own to its end."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from signal import Signals

from advdistill.errors import ConfigError, DataError
from advdistill.gpus import Gpu
from advdistill.membership import Membership, group_of
from advdistill.process_group import ended_group
from advdistill.sweep.attempts import Attempt, begin, claimed, end
from advdistill.sweep.files import read_json
from advdistill.sweep.finished import Finished, Inspector
from advdistill.sweep.leases import Lending, lending_here
from advdistill.sweep.ledger import CellFile, outputs_of, read_cell_file
from advdistill.sweeping import SweepSettings

logger = logging.getLogger(__name__)

_TERM_SECONDS = 20
"""For a cell that is asked to end: its tracker is closed then."""
_HALTS = "halts"


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
    module: str
    """What `python -m` runs for a cell; it is given the cell's folder and the attempt's number."""
    cwd: Path
    path: Sequence[str]
    """Where the command finds its modules."""

    def run(self, cell: Path, *, lending: Callable[..., Lending] = lending_here) -> End:
        """Run the cell in this folder, unless it is finished or another process runs it."""
        with claimed(cell) as mine:
            if not mine:
                return End.busy
            file = read_cell_file(cell)
            if is_finished(file, Inspector(outputs_of(self.sweep))):
                return End.done
            if self._halt.exists():
                return End.skipped
            lent = lending(cells_per_gpu=self.settings.cells_per_gpu)
            if self._tried(cell, file, lent):
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
            logger.warning("cell %s failed: %s", file.label, attempt.error)
            if attempt.refused:
                return False
            if left:
                logger.warning("cell %s is tried again", file.label)
        return False

    def _attempt(self, cell: Path, file: CellFile, lent: Lending) -> Attempt:
        try:
            with lent.lease(self._wanted(file, lent)) as gpus:
                model = gpus[0].model if gpus else None
                attempt = begin(cell, gpus=len(gpus), gpu=model)
                with ending(cell, attempt):
                    error = self._followed(cell, attempt, gpus)
                return end(cell, attempt, error=error, refused=_refused(cell, attempt))
        except ConfigError as refusal:
            attempt = begin(cell, gpus=0, gpu=None)
            return end(cell, attempt, error=str(refusal), refused=True)

    def _wanted(self, file: CellFile, lent: Lending) -> int:
        if self.settings.gpus is not None:
            return self.settings.gpus
        runtime = file.config["runtime"]
        assert isinstance(runtime, Mapping), "the configuration was planned"
        return runtime["processes"] if lent.gpus else 0

    def _followed(self, cell: Path, attempt: Attempt, gpus: Sequence[Gpu]) -> str | None:
        """Return why the process of an attempt came to no good end; None where it did."""
        process = subprocess.Popen(
            [sys.executable, "-m", self.module, str(cell), str(attempt.number)],
            cwd=self.cwd,
            env=self._environment(read_cell_file(cell), gpus),
            stdin=subprocess.DEVNULL,
            process_group=0,
        )
        minutes = self.settings.limit_minutes
        with ended_group(process.pid), _asked_to_end(process):
            try:
                code = process.wait(None if minutes is None else 60 * minutes)
            except subprocess.TimeoutExpired:
                return f"it ran for longer than sweep.limit_minutes={minutes:g} and was ended"
        return None if code == 0 else _told(cell, attempt) or _spelt(code)

    def _environment(self, file: CellFile, gpus: Sequence[Gpu]) -> dict[str, str]:
        """Return the environment of a cell: it is set before anything imports torch."""
        path = os.pathsep.join([*filter(None, self.path), os.environ.get("PYTHONPATH", "")])
        lent = {"CUDA_VISIBLE_DEVICES": ",".join(gpu.uuid for gpu in gpus)} if gpus else {}
        group = group_of(self.sweep.parent.name, self.sweep.name)
        member = Membership(sweep=group, levels=file.levels).environment
        return {**os.environ, "PYTHONPATH": path.rstrip(os.pathsep), **lent, **member}

    @property
    def _halt(self) -> Path:
        return self.sweep / _HALTS / self.turn


def is_finished(cell: CellFile, inspector: Inspector) -> bool:
    """Return whether a cell is whole, and tracked as its settings say."""
    found = inspector.look(cell.key)
    return isinstance(found, Finished) and found.tracking == cell.tracking


def outcome_file(cell: Path, number: int) -> Path:
    """Return where the process of an attempt writes why it failed."""
    return cell / "attempts" / f"outcome-{number:03}.json"


@contextmanager
def ending(cell: Path, attempt: Attempt) -> Iterator[None]:
    """Write down that an attempt was interrupted if the block is."""
    try:
        yield
    except BaseException as error:
        end(cell, attempt, error=f"interrupted: {type(error).__name__}")
        raise


@contextmanager
def _asked_to_end(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the process with the block; a living one may put its things away."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(_TERM_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _told(cell: Path, attempt: Attempt) -> str | None:
    try:
        return str(read_json(outcome_file(cell, attempt.number), "an error")["error"])
    except (DataError, KeyError):  # it was killed before it could say
        return None


def _refused(cell: Path, attempt: Attempt) -> bool:
    try:
        return read_json(outcome_file(cell, attempt.number), "an error")["refused"] is True
    except (DataError, KeyError):
        return False


def _spelt(code: int) -> str:
    if code >= 0:
        return f"its process ended with exit code {code}"
    hint = " (out of memory, if nobody else ended it)" if -code == Signals.SIGKILL else ""
    return f"its process was killed by {Signals(-code).name}{hint}"
