"""Calls work in processes that can be killed, with a deadline and a limit of memory.

The processes are forked from one that has loaded what the work imports, so that a killed one is
soon replaced. They ignore Ctrl-C, hold no terminal and end with the process that opened them,
whatever ends it.
"""

from __future__ import annotations

import io
import logging
import multiprocessing
import os
import pickle
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker
from threading import Thread
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from advdistill.errors import StageError
from advdistill.killable_worker import Stopped, do, settle_in

logger = logging.getLogger(__name__)

_TRIES = 3
"""How often in a row the processes may be lost before any work is done."""
_STEP_SECONDS = 0.5
_GRACE_SECONDS = 5
"""For processes to be ended and their threads to be joined; 0.2 are enough."""
_CALLS_PER_PROCESS = 1_000
"""Then it is replaced, so that what the work leaks is bounded."""


class Processes:
    """Processes for costly work: started with the first of it, ended by `close`."""

    def __init__(self, count: int, *, patience_seconds: float = 60) -> None:
        """Take how many, and how long after every deadline none of them may have finished."""
        self.count = count
        self.patience_seconds = patience_seconds
        self.pool: ProcessPool | None = None
        self.done = 0
        """Works that came to an end, be it a bad one."""
        self.moved_at = 0.0
        """When one was last begun or done."""
        self._done_at_start = 0
        self._barren_starts = 0

    def start(self, work: bytes, *, seconds: float, megabytes: int) -> Call:
        """Return the call of a pickled function, made as soon as a process is free.

        The seconds count from then on; the megabytes are added to the size that the process has.
        """
        self.patience_seconds = max(self.patience_seconds, 2 * seconds)
        call = Call(self, work, seconds=seconds, megabytes=megabytes)
        call.schedule()
        return call

    def open(self, work: bytes) -> ProcessPool:
        """Return the processes, started anew where they were lost, and fit for such work.

        Raises:
            StageError: they were lost again and again before they did anything.
        """
        if self.pool is None or not self.pool.active:
            self.close()
            self._count_start()
            self.pool = _pool(self.count, _modules_of(work))
        return self.pool

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        if self.pool is not None:
            end(self.pool)
            self.pool = None

    def _count_start(self) -> None:
        barren = self.done == self._done_at_start
        self._barren_starts = self._barren_starts + 1 if barren else 1
        self._done_at_start = self.done
        if self._barren_starts > _TRIES:
            raise StageError(
                f"the processes for costly work were lost {_TRIES} times before they did any; "
                "wanted a main script that can be imported (its last lines guarded by "
                f"`if __name__ == '__main__':`) and memory for {self.count} of them"
            )


class Call:
    """One piece of work on its way through a process."""

    def __init__(
        self, processes: Processes, work: bytes, *, seconds: float, megabytes: int
    ) -> None:
        self._processes = processes
        self._work = work
        self._seconds = seconds
        self._megabytes = megabytes

    def schedule(self) -> None:
        """Queue it, with a deadline that counts from when a process takes it."""
        self._pool = self._processes.open(self._work)
        self._processes.moved_at = time.monotonic()
        self._future: ProcessFuture[Any] = self._pool.schedule(
            do, args=(self._work, self._megabytes), timeout=self._seconds
        )
        self._future.add_done_callback(self._count)

    def result(self) -> Any:
        """Wait for what the work gives back, or for why it was `Stopped`.

        Raises:
            StageError: the processes were lost again and again before they did anything.
        """
        while True:
            try:
                if self._is_done():
                    return self._future.result()
            except TimeoutError:
                return Stopped(late=True, detail=f"took more than {self._seconds:g} s")
            except ProcessExpired as error:
                return Stopped(late=False, detail=f"its process died: {died_of(error.exitcode)}")
            except BrokenProcessPool:
                pass
            if self._pool is self._processes.pool:
                logger.warning("the processes for costly work were lost; they start anew")
            self.schedule()

    def _is_done(self) -> bool:
        """Wait for it; False if its processes are lost, or none of them has moved for long."""
        while self._pool is self._processes.pool:
            # in steps: Python does not notice a Ctrl-C that comes as it begins to wait
            if wait([self._future], _STEP_SECONDS).done:
                return True
            idle_seconds = time.monotonic() - self._processes.moved_at
            if idle_seconds > self._processes.patience_seconds:
                self._processes.close()
        return self._future.done()

    def _count(self, future: Future[Any]) -> None:
        self._processes.moved_at = time.monotonic()
        lost = future.cancelled() or isinstance(future.exception(), BrokenProcessPool)
        self._processes.done += not lost


def end(pool: ProcessPool) -> None:
    """End the processes of a pool, whatever they are doing."""
    pool.stop()
    # A Ctrl-C at the wrong moment leaves one of its locks taken, and then it never joins.
    ending = Thread(target=pool.join, daemon=True)
    ending.start()
    ending.join(_GRACE_SECONDS)


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Let what starts here ignore Ctrl-C from its first moment."""
    resource_tracker.ensure_running()  # its own start would let SIGINT through
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def died_of(exitcode: int) -> str:
    """Return how a process ended: `SIGKILL` or `exit code 3`."""
    return signal.Signals(-exitcode).name if exitcode < 0 else f"exit code {exitcode}"


class _Modules(pickle.Unpickler):
    """Reads pickled work and keeps the names of the modules it is made of."""

    def __init__(self, work: bytes) -> None:
        super().__init__(io.BytesIO(work))
        self.names: set[str] = set()

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        self.names.add(module_name)
        return super().find_class(module_name, global_name)


def _modules_of(work: bytes) -> list[str]:
    modules = _Modules(work)
    modules.load()
    return sorted(modules.names)


def _pool(count: int, modules: list[str]) -> ProcessPool:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([settle_in.__module__, *modules])
    with interrupts_held_back(), _sets_ordered_alike():
        forkserver.ensure_running()
    return ProcessPool(
        count,
        max_tasks=_CALLS_PER_PROCESS,
        initializer=settle_in,
        initargs=(modules,),
        context=context,
    )


@contextmanager
def _sets_ordered_alike() -> Iterator[None]:
    """Let what starts here order its sets alike each time.

    The order of sets decides how SymPy goes about a proof, and so whether it meets its deadline.
    """
    seed = os.environ.get(_HASH_SEED)
    os.environ[_HASH_SEED] = "0"
    try:
        yield
    finally:
        del os.environ[_HASH_SEED]
        if seed is not None:
            os.environ[_HASH_SEED] = seed


_HASH_SEED = "PYTHONHASHSEED"
