"""A maker in several processes at once, which find each other as the ranks of one training."""

from __future__ import annotations

import logging
import multiprocessing
import os
import socket
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from advdistill.cache import is_disk_trouble
from advdistill.errors import AdvDistillError, StageError
from advdistill.interfaces import Watch
from advdistill.isolation import Sender, receive, settle_in, stops_held_back
from advdistill.making import Maker, Meta

logger = logging.getLogger(__name__)

_AFTERMATH_SECONDS = 1.0
"""After a first failure, for the others to tell of theirs; the one that came first is blamed."""
_GRACE_SECONDS = 30
"""For all ranks together to put their things away after their last word."""


def run_ranks(maker: Maker, draft: Path, watch: Watch, *, processes: int) -> Meta:
    """Return what the maker gives back on rank 0, called in several processes that end with this.

    The reports of rank 0 reach the watch, those of the others nobody.

    Raises:
        StageError: a rank died, and the others were ended; the draft keeps what was finished.
    """
    ranks: list[_Rank] = []
    try:
        with stops_held_back():
            ranks.extend(_started(maker, draft, processes))
        meta = _follow(ranks, watch, type(maker).__name__)
        _join([rank.process for rank in ranks], _GRACE_SECONDS)
        return meta
    finally:
        _end([rank.process for rank in ranks if rank.process.pid is not None])


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rank:
    """One of the processes, as its parent sees it."""

    number: int
    process: SpawnProcess
    connection: Connection


@dataclass(frozen=True, kw_only=True)
class _Failure:
    """The last word of a rank, or that it ended without one."""

    rank: _Rank
    at: float
    """When it failed, by the machine's clock; 0 without a last word, as nobody else is to blame."""
    error: Exception | None
    told: str
    """Its traceback."""


def _started(maker: Maker, draft: Path, processes: int) -> Iterator[_Rank]:
    context = multiprocessing.get_context("spawn")
    port = _free_port()
    for number in range(processes):
        receiver, sender = context.Pipe(duplex=False)
        place = _Place(number=number, processes=processes, port=port)
        process = context.Process(target=_work, args=(maker, draft, sender, place))
        with _surrounded_by(place.environment()):
            process.start()
        sender.close()
        yield _Rank(number=number, process=process, connection=receiver)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_ADDRESS, 0))
        return probe.getsockname()[1]


_ADDRESS = "127.0.0.1"


def _follow(ranks: list[_Rank], watch: Watch, name: str) -> Meta:
    meta: Meta = {}
    at_work = {rank.connection: rank for rank in ranks}
    while at_work:
        for rank, kind, payload in _words(at_work, None):
            if kind == "report":
                watch.report(*payload)
            elif kind == "progress":
                watch.progress(*payload)
            elif kind == "done":
                del at_work[rank.connection]
                meta = payload if rank.number == 0 else meta
            else:
                raise _blamed(_failures(_failure(rank, payload), at_work), len(ranks), name)
    return meta


def _words(
    at_work: Mapping[Connection, _Rank], seconds: float | None
) -> Iterator[tuple[_Rank, str, Any]]:
    """Yield what some ranks have to say, `failed` and None for one that is gone."""
    for connection in wait(list(at_work), seconds):
        assert isinstance(connection, Connection), "nothing else is waited for"
        try:
            kind, payload = receive(connection)
        except EOFError:
            kind, payload = "failed", None
        yield at_work[connection], kind, payload


def _failures(first: _Failure, at_work: dict[Connection, _Rank]) -> list[_Failure]:
    """Return the failures of all ranks that fail at about the same time."""
    found, until = [first], time.monotonic() + _AFTERMATH_SECONDS
    del at_work[first.rank.connection]
    while at_work and (left := until - time.monotonic()) > 0:
        for rank, kind, payload in list(_words(at_work, left)):
            if kind == "failed":
                found.append(_failure(rank, payload))
            if kind in ("failed", "done"):
                del at_work[rank.connection]
    return found


def _failure(rank: _Rank, payload: tuple[float, Exception, str] | None) -> _Failure:
    at, error, told = payload or (0.0, None, "")
    return _Failure(rank=rank, at=at, error=error, told=told)


def _blamed(failures: list[_Failure], processes: int, name: str) -> Exception:
    """Return the error of the rank that failed first; the others may have failed for want of it."""
    first = min(failures, key=lambda failure: failure.at)
    if isinstance(first.error, (AdvDistillError, OSError)):
        return first.error
    if first.error is None:
        first.rank.process.join(_GRACE_SECONDS)
        how = (
            f"ended with exit code {first.rank.process.exitcode} and no result (out of memory, "
            "if it was killed by signal 9)"
        )
    else:
        logger.error("%s", first.told)
        how = f"failed: {first.told.strip().splitlines()[-1]}"
    return StageError(
        f"rank {first.rank.number} of the {processes} processes of {name} {how}; the others were "
        "ended; what was finished is kept: give the same command again to go on"
    )


def _join(processes: Iterable[SpawnProcess], seconds: float) -> None:
    until = time.monotonic() + seconds
    for process in processes:
        process.join(max(until - time.monotonic(), 0))


def _end(processes: list[SpawnProcess]) -> None:
    for process in processes:
        process.terminate()
    _join(processes, 5)
    for process in processes:
        process.kill()
        process.join()


@dataclass(frozen=True, kw_only=True)
class _Place:
    """What a rank has to know to find the others."""

    number: int
    processes: int
    port: int

    def environment(self) -> dict[str, str]:
        """Return where torch and accelerate look for it."""
        found = {
            "RANK": str(self.number),
            "LOCAL_RANK": str(self.number),
            "WORLD_SIZE": str(self.processes),
            "LOCAL_WORLD_SIZE": str(self.processes),
            "MASTER_ADDR": _ADDRESS,
            "MASTER_PORT": str(self.port),
        }
        wishes = {
            "OMP_NUM_THREADS": str(max((os.cpu_count() or 1) // self.processes, 1)),
            # Of torch's own warnings none can be acted on, least of all that a peer is gone.
            "TORCH_CPP_LOG_LEVEL": "ERROR",
        }
        if Path("/sys/class/net/lo").exists():
            # Otherwise gloo listens on the address of the machine's name, which may not resolve.
            wishes["GLOO_SOCKET_IFNAME"] = "lo"
        return found | {name: os.environ.get(name, wish) for name, wish in wishes.items()}


@contextmanager
def _surrounded_by(environment: Mapping[str, str]) -> Iterator[None]:
    """Let what is started inside inherit some variables, which torch reads when it is imported."""
    before = dict(os.environ)
    os.environ |= environment
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


@dataclass(frozen=True)
class _Nobody:
    """A watch that looks away."""

    def report(self, numbers: Mapping[str, float], step: int) -> None:
        """Take the numbers and leave them."""

    def progress(self, done: int, total: int) -> None:
        """Take them and leave them."""


def _work(maker: Maker, draft: Path, connection: Connection, place: _Place) -> None:
    settle_in()
    if place.number:  # rank 0 speaks for all: the others would say the same
        logging.disable(logging.WARNING)
        warnings.simplefilter("ignore")
    try:
        watch = _Nobody() if place.number else Sender(connection)
        message: tuple[str, Any] = ("done", maker(draft, watch))
    except Exception as error:
        message = ("failed", (time.monotonic(), _portable(error), traceback.format_exc()))
    connection.send(message)
    connection.close()


def _portable(error: Exception) -> Exception:
    """Return an error that pickles: what a person can act on as it is, the rest by its text."""
    if isinstance(error, AdvDistillError) or type(error).__module__ == "builtins":
        return error
    if is_disk_trouble(error):
        return OSError(str(error))
    return RuntimeError(str(error) or type(error).__name__)
