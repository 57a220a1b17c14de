"""Attempts at a cell, and the claim that lets one process at a time make them.

The claim is a file lock, which the system takes back from a process that is gone: an attempt
without an end whose cell nobody holds was interrupted, on whichever machine it ran.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from advdistill.sweep.files import read_json, write_json

_ATTEMPTS = "attempts"
_CLAIM = "claim.lock"
INTERRUPTED = "interrupted: the process that ran it is gone"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One process that ran a cell."""

    number: int
    """From 1."""
    started: str
    """UTC, ISO 8601."""
    ended: str | None = None
    """None while it runs, and for one whose process was killed."""
    error: str | None = None
    refused: bool = False
    """Whether the error is one of settings or data, which a second try would meet again."""
    gpus: int = 0
    """Devices that it had for itself."""
    gpu: str | None = None
    """Their model; None without one."""

    @property
    def seconds(self) -> float | None:
        """How long it ran; None without an end."""
        if self.ended is None:
            return None
        begun, ended = (datetime.fromisoformat(time) for time in (self.started, self.ended))
        return (ended - begun).total_seconds()


@contextmanager
def claimed(cell: Path) -> Iterator[bool]:
    """Hold the cell, or yield False where another process does; a kill lets go of it."""
    cell.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(cell / _CLAIM).acquire(timeout=0)
    except Timeout:
        yield False
        return
    with held:
        yield True


def is_claimed(cell: Path) -> bool:
    """Return whether a living process holds the cell."""
    if not (cell / _CLAIM).exists():
        return False
    with claimed(cell) as free:
        return not free


def begin(cell: Path, *, gpus: int, gpu: str | None) -> Attempt:
    """Write that an attempt has begun, and return it; for who holds the cell."""
    number = len(attempts_of(cell)) + 1
    attempt = Attempt(number=number, started=_now(), gpus=gpus, gpu=gpu)
    write_json(_file(cell, number), asdict(attempt))
    return attempt


def end(cell: Path, attempt: Attempt, *, error: str | None, refused: bool = False) -> Attempt:
    """Write how an attempt ended, and return it."""
    ended = replace(attempt, ended=_now(), error=error, refused=refused)
    write_json(_file(cell, attempt.number), asdict(ended))
    return ended


def attempts_of(cell: Path) -> list[Attempt]:
    """Return all attempts at a cell, in their order.

    Raises:
        DataError: the file of one is damaged.
    """
    files = sorted((cell / _ATTEMPTS).glob("[0-9]*.json"))
    return [Attempt(**read_json(file, "the file of an attempt")) for file in files]


def error_of(attempt: Attempt) -> str | None:
    """Return why an attempt at a cell that nobody holds came to nothing; None for a good end."""
    return INTERRUPTED if attempt.ended is None else attempt.error


def _file(cell: Path, number: int) -> Path:
    return cell / _ATTEMPTS / f"{number:03}.json"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
