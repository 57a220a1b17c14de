"""What runs inside a process that can be killed; see `killable`."""

from __future__ import annotations

import ctypes
import fcntl
import logging
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
"""Of Linux's prctl: the signal that a process gets when the one that forked it ends."""


@dataclass(frozen=True)
class Stopped:
    """Why work gave nothing back."""

    late: bool
    """True where it met its deadline."""
    detail: str


def settle_in(modules: Iterable[str]) -> None:
    """Make the process killable and silent, and load what its work imports."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # ends it even in the middle of C code
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    end_with_opener()
    _fall_silent()
    for module in modules:
        with suppress(Exception):  # the work itself will fail, and its row say why
            import_module(module)


def do(work: bytes, megabytes: int) -> Any:
    """Return what the pickled work gives back, or `Stopped` where it raises anything."""
    try:
        with _at_most(megabytes):
            return pickle.loads(work)()
    except MemoryError:
        return Stopped(late=False, detail=f"MemoryError: wanted more than {megabytes} MB")
    except BaseException as error:  # also SystemExit: foreign code may call exit()
        return Stopped(late=False, detail=said(error))


def said(error: BaseException) -> str:
    """Return an exception's name and message in one short line."""
    lines = traceback.format_exception_only(error)
    return " ".join("".join(lines).split())[:200]


def end_with_opener() -> None:
    """Ask the kernel to end this process with the one that opened it and the one that forked it.

    The kernel, because a thread cannot watch: work in C code may keep Python's lock for hours.
    """
    opener = multiprocessing.parent_process()
    assert opener is not None, "settle_in runs in a child"
    pipe = opener.sentinel  # nothing is ever written to it; the end of its writer is a SIGIO
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if not opener.is_alive():
        os._exit(1)


def _fall_silent() -> None:
    """Let go of the terminal: standard output belongs to the rows of whoever asked for them."""
    logging.disable()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)


@contextmanager
def _at_most(megabytes: int) -> Iterator[None]:
    """Let the process grow by so much; only Linux says how large it is and keeps it there."""
    if sys.platform != "linux":
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split(maxsplit=1)[0])
    limit = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
