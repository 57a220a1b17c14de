"""A maker in a process of its own: an engine gives its memory back, and a crash is contained."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from advdistill.errors import AdvDistillError, StageError
from advdistill.interfaces import Watch
from advdistill.making import Maker, Meta


def run_isolated(maker: Maker, draft: Path, watch: Watch) -> Meta:
    """Return what the maker gives back, called in a fresh process that ends with this call.

    Raises:
        StageError: the process died; the draft keeps what it had finished.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(maker, draft, sender))
    process.start()
    sender.close()
    try:
        return _follow(receiver, watch)
    except EOFError as error:
        process.join()
        raise StageError(
            f"the process of {type(maker).__name__} ended with exit code {process.exitcode} and "
            "no result (out of memory, if it was killed by signal 9); what it had finished is "
            "kept: give the same command again to go on"
        ) from error
    finally:
        process.terminate()
        process.join(10)
        process.kill()
        process.join()


def _follow(receiver: Connection, watch: Watch) -> Meta:
    while True:
        kind, payload = receiver.recv()
        if kind == "report":
            watch.report(*payload)
        elif kind == "progress":
            watch.progress(*payload)
        elif kind == "error":
            raise payload
        else:
            return payload


@dataclass(frozen=True)
class _Sender:
    """A watch whose calls travel to the parent."""

    connection: Connection

    def report(self, numbers: Mapping[str, float], step: int) -> None:
        self.connection.send(("report", (dict(numbers), step)))

    def progress(self, done: int, total: int) -> None:
        self.connection.send(("progress", (done, total)))


def _work(maker: Maker, draft: Path, connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        message: tuple[str, Any] = ("done", maker(draft, _Sender(connection)))
    except (AdvDistillError, OSError) as error:
        message = ("error", error)
    connection.send(message)
    connection.close()


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
