"""Lines in, as many at a time as have arrived, and text out to a file that appears when whole."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TextIO, cast

from advdistill.errors import DataError

STREAM = "-"
"""Names standard input."""
LONGEST_LINE = 32 * 2**20
"""Bytes; what a longer line holds beyond them is passed over."""
_FILE_BYTES = 2**20
_STREAM_BYTES = 2**16

Line = tuple[int, bytes]
"""A line's number, from 1, and its bytes without the line break."""


class _Readable(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def read_chunks(source: str) -> Iterator[list[Line]]:
    """Yield the lines of a file or stream that are not blank, as many at a time as are there.

    A stream that pauses is not waited for: every line that is whole comes with the next chunk.

    Raises:
        DataError: the file is missing or torn.
    """
    last = 0
    try:
        with _opened(source) as (handle, size):
            for chunk in _chunks(handle, size):
                yield chunk
                last = chunk[-1][0]
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, BrokenPipeError):  # of whoever takes the chunks, not of the source
            raise
        reason = getattr(error, "strerror", None) or str(error)
        where = f", after line {last}" if last else ""
        raise DataError(
            f"{source} cannot be read{where} ({reason}); wanted a whole file of JSON Lines "
            "(.gz or not), or - for standard input; correct the path or copy the file again"
        ) from error


@contextmanager
def writing_text(target: str | None) -> Iterator[TextIO]:
    """Yield where text is written: standard output for None, else a file, whole or not there.

    Raises:
        DataError: the file cannot be written.
    """
    try:
        if target is None:
            yield sys.stdout
            sys.stdout.flush()
        else:
            with _drafted(Path(target).resolve()) as handle:
                yield handle
    except BrokenPipeError:
        raise
    except OSError as error:
        if target is None:
            discard_output()
        raise DataError(
            f"{target or 'standard output'} cannot be written ({error.strerror}); wanted a file in "
            "a folder of yours, on a disk with free space; give -o FILE"
        ) from error


def discard_output() -> None:
    """Send what standard output still holds nowhere, so that its end raises nothing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _drafted(path: Path) -> Iterator[TextIO]:
    """Yield a draft that takes the path's name at the end; a device has no draft."""
    device = path.exists() and not path.is_file()
    draft = path if device else path.with_name(f"{path.name}.{os.getpid()}.tmp")
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with cast("TextIO", opened(draft, "wt", encoding="utf-8")) as handle:
            yield handle
        if not device:
            draft.replace(path)
    finally:
        if not device:
            draft.unlink(missing_ok=True)


@contextmanager
def _opened(source: str) -> Iterator[tuple[_Readable, int]]:
    if source == STREAM:
        yield cast("_Readable", sys.stdin.buffer), _STREAM_BYTES
        return
    with gzip.open(source) if source.endswith(".gz") else Path(source).open("rb") as handle:
        yield cast("_Readable", handle), _FILE_BYTES


def _chunks(handle: _Readable, size: int) -> Iterator[list[Line]]:
    lines = _Lines()
    while data := handle.read1(size):
        if chunk := lines.take(data):
            yield chunk
    if chunk := lines.take(b"\n"):
        yield chunk


@dataclass
class _Lines:
    """Cuts bytes into lines; holds the beginning of one whose end has not come."""

    number: int = 0
    held: list[bytes] = field(default_factory=list)
    length: int = 0

    def take(self, data: bytes) -> list[Line]:
        *ends, rest = data.split(b"\n")
        whole = [line for end in ends if (line := self._close(end))[1].strip()]
        self._hold(rest)
        return whole

    def _close(self, end: bytes) -> Line:
        self._hold(end)
        line = b"".join(self.held)
        self.held, self.length, self.number = [], 0, self.number + 1
        return self.number, line

    def _hold(self, part: bytes) -> None:
        if part and self.length <= LONGEST_LINE:
            self.held.append(part)
            self.length += len(part)
