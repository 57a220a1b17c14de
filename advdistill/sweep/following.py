"""A cell's own process, followed to its end: a crash, a hang or a lack of memory stays in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from advdistill.errors import DataError
from advdistill.gpus import Gpu
from advdistill.process_group import ended_group
from advdistill.sweep.files import read_json, write_json

_TERM_SECONDS = 20
"""For a cell that is asked to end: its tracker is closed then."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt ended."""

    error: str | None
    """None for a good end."""
    refused: bool = False
    """Whether the error is one of settings or data, which a second try would meet again."""


@dataclass(frozen=True, kw_only=True)
class CellProcess:
    """Starts a process for an attempt, and ends it with all that it started."""

    module: str
    """What `python -m` runs; it is given the cell's folder and the attempt's number."""
    cwd: Path
    path: Sequence[str]
    """Where the command finds its modules."""
    limit_minutes: float | None
    term_seconds: float = _TERM_SECONDS

    def __call__(self, cell: Path, number: int, gpus: Sequence[Gpu]) -> Outcome:
        """Return how the process of the attempt ended; it sees these devices, if there are any."""
        process = subprocess.Popen(
            [sys.executable, "-m", self.module, str(cell), str(number)],
            cwd=self.cwd,
            env=self._environment(gpus),
            stdin=subprocess.DEVNULL,
            process_group=0,
        )
        minutes = self.limit_minutes
        with ended_group(process.pid), self._asked_to_end(process):
            try:
                code = process.wait(None if minutes is None else 60 * minutes)
            except subprocess.TimeoutExpired:
                return Outcome(
                    error=f"it ran for longer than sweep.limit_minutes={minutes:g} and was ended"
                )
        return Outcome(error=None) if code == 0 else told(cell, number) or _spelt(code)

    def _environment(self, gpus: Sequence[Gpu]) -> dict[str, str]:
        """Return the environment of a cell: it is set before anything imports torch."""
        path = [*self.path, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        lent = {"CUDA_VISIBLE_DEVICES": ",".join(gpu.uuid for gpu in gpus)} if gpus else {}
        return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), **lent}

    @contextmanager
    def _asked_to_end(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """End the process with the block; a living one may put its things away."""
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(self.term_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def tell(cell: Path, number: int, error: str, *, refused: bool) -> None:
    """Leave word, in the process of an attempt, of why it fails."""
    write_json(_file(cell, number), {"error": error, "refused": refused})


def told(cell: Path, number: int) -> Outcome | None:
    """Return what the process of an attempt left word of; None if it was killed before."""
    try:
        left = read_json(_file(cell, number), "an error")
        return Outcome(error=str(left["error"]), refused=left["refused"] is True)
    except (DataError, KeyError):
        return None


def _file(cell: Path, number: int) -> Path:
    return cell / "attempts" / f"outcome-{number:03}.json"


def _spelt(code: int) -> Outcome:
    if code >= 0:
        return Outcome(error=f"its process ended with exit code {code}")
    hint = " (out of memory, if nobody else ended it)" if -code == Signals.SIGKILL else ""
    return Outcome(error=f"its process was killed by {Signals(-code).name}{hint}")
