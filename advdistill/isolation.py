"""A maker in a process of its own: an engine gives its memory back, and a crash is contained.

Neither the process nor what it starts outlives the call, or the process that made it.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from advdistill.cache import is_disk_trouble
from advdistill.errors import AdvDistillError, StageError
from advdistill.gpu_memory import given_back, visible_gpus
from advdistill.interfaces import Watch
from advdistill.killable_worker import end_with_opener
from advdistill.making import Maker, Meta
from advdistill.process_group import ended_group, lead_group

_GRACE_SECONDS = 30
"""For an engine to put its things away after its last word."""
_TERM_SECONDS = 10
"""For one that is asked to end."""
_STEP_SECONDS = 0.5
"""Between two looks at whether a silent process lives."""


@dataclass(frozen=True, kw_only=True)
class Death:
    """A maker's process ended without a last word."""

    name: str
    """Of the maker."""
    exitcode: int | None

    def error(self) -> StageError:
        """Return what to tell the person."""
        return StageError(
            f"the process of {self.name} ended with exit code {self.exitcode} and no result (out "
            "of memory, if it was killed by signal 9); what it had finished is kept: give the "
            "same command again to go on"
        )


def run_isolated(maker: Maker, draft: Path, watch: Watch) -> Meta:
    """Return what the maker gives back, called in a fresh process that ends with this call.

    Raises:
        StageError: the process died; the draft keeps what it had finished.
    """
    outcome = outlived(maker, draft, watch)
    if isinstance(outcome, Death):
        raise outcome.error()
    return outcome


def outlived(maker: Maker, draft: Path, watch: Watch) -> Meta | Death:
    """Return as `run_isolated`, or that the process died."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(maker, draft, sender))
    with given_back(visible_gpus()), closing(receiver), _ended(process):
        with stops_held_back():
            process.start()
        sender.close()
        assert process.pid is not None, "it has started"
        with ended_group(process.pid), _ended(process):
            try:
                meta = _follow(receiver, process, watch)
                process.join(_GRACE_SECONDS)
                return meta
            except EOFError:
                process.join()
                return Death(name=type(maker).__name__, exitcode=process.exitcode)


@contextmanager
def _ended(process: SpawnProcess) -> Iterator[None]:
    """End the process with the block, if it was started."""
    try:
        yield
    finally:
        if process.pid is not None:
            process.terminate()
            process.join(_TERM_SECONDS)
            process.kill()
            process.join()


def _follow(receiver: Connection, process: SpawnProcess, watch: Watch) -> Meta:
    while True:
        kind, payload = _next(receiver, process)
        if kind == "report":
            watch.report(*payload)
        elif kind == "progress":
            watch.progress(*payload)
        elif kind == "error":
            raise payload
        else:
            return payload


def _next(receiver: Connection, process: SpawnProcess) -> tuple[str, Any]:
    """Return the next message of a child, as `receive`.

    What the child forked holds the pipe open after its end, so that the pipe alone does not tell.
    """
    while not receiver.poll(_STEP_SECONDS):
        if not process.is_alive() and not receiver.poll():
            raise EOFError
    return receive(receiver)


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


def settle_in() -> None:
    """Make a started child end with its parent and by its parent alone, and speak as it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("advdistill").setLevel(logging.INFO)
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    end_with_opener()


def _work(maker: Maker, draft: Path, connection: Connection) -> None:
    lead_group()
    settle_in()
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
