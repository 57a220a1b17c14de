"""A maker in a process of its own: an engine gives its memory back, and a crash is contained."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from advdistill.cache import is_disk_trouble
from advdistill.errors import AdvDistillError, StageError
from advdistill.interfaces import Watch
from advdistill.making import Maker, Meta

_GRACE_SECONDS = 30
"""For an engine to put its things away after its last word."""


def run_isolated(maker: Maker, draft: Path, watch: Watch) -> Meta:
    """Return what the maker gives back, called in a fresh process that ends with this call.

    Raises:
        StageError: the process died; the draft keeps what it had finished.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(maker, draft, sender, os.getpid()))
    try:
        with stops_held_back():
            process.start()
        sender.close()
        meta = _follow(receiver, watch)
        process.join(_GRACE_SECONDS)
        return meta
    except EOFError as error:
        process.join()
        raise StageError(
            f"the process of {type(maker).__name__} ended with exit code {process.exitcode} and "
            "no result (out of memory, if it was killed by signal 9); what it had finished is "
            "kept: give the same command again to go on"
        ) from error
    finally:
        if process.pid is not None:
            process.terminate()
            process.join(10)
            process.kill()
            process.join()


def _follow(receiver: Connection, watch: Watch) -> Meta:
    while True:
        kind, payload = receive(receiver)
        if kind == "report":
            watch.report(*payload)
        elif kind == "progress":
            watch.progress(*payload)
        elif kind == "error":
            raise payload
        else:
            return payload


def receive(receiver: Connection) -> tuple[str, Any]:
    """Return the next message of a child.

    Raises:
        EOFError: it ended without another one.
    """
    try:
        return receiver.recv()
    except OSError as error:  # it died in the middle of a message
        raise EOFError from error


@dataclass(frozen=True)
class Sender:
    """A watch whose calls travel to the parent."""

    connection: Connection

    def report(self, numbers: Mapping[str, float], step: int) -> None:
        """Send the numbers of one step."""
        self.connection.send(("report", (dict(numbers), step)))

    def progress(self, done: int, total: int) -> None:
        """Send how many steps are done."""
        self.connection.send(("progress", (done, total)))


@contextmanager
def stops_held_back() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until the child is started whole; then they come."""
    resource_tracker.ensure_running()  # its own start would unblock them
    came: list[int] = []
    handlers = {stop: signal.signal(stop, lambda number, _: came.append(number)) for stop in _STOPS}
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)  # for the child, which inherits this
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        for stop, handler in handlers.items():
            signal.signal(stop, handler)
    for number in came:
        signal.raise_signal(number)


_STOPS = {signal.SIGINT, signal.SIGTERM}


def settle_in(parent: int) -> None:
    """Make a started child end with its parent and by its parent alone, and speak as it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("advdistill").setLevel(logging.INFO)
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()


def _work(maker: Maker, draft: Path, connection: Connection, parent: int) -> None:
    settle_in(parent)
    try:
        message: tuple[str, Any] = ("done", maker(draft, Sender(connection)))
    except (AdvDistillError, OSError) as error:
        message = ("error", error)
    except Exception as error:
        if not is_disk_trouble(error):
            raise
        message = ("error", OSError(str(error)))  # a library's own error may not pickle
    connection.send(message)
    connection.close()


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
