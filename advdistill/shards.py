"""Work on the shards of an artefact, several at a time in processes of their own.

The processes ignore Ctrl-C and end with the one that opened them, whatever ends it. What comes of
a shard depends neither on their number nor on which of them did it.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Protocol, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from advdistill.errors import StageError
from advdistill.killable import died_of, end, interrupts_held_back
from advdistill.killable_worker import end_with_opener

Found = TypeVar("Found")
Found_co = TypeVar("Found_co", covariant=True)


class ShardWork(Protocol[Found_co]):
    """What is done to every shard; pickles, so that another process can do it."""

    def open(self) -> AbstractContextManager[Callable[[int], Found_co]]:
        """Return the function of a shard's number, and hold what it needs while it is used.

        It is called for some of the shards, in ascending order.
        """
        ...


def each_shard(work: ShardWork[Found], count: int, *, processes: int) -> Iterator[Found]:
    """Yield what comes of each of so many shards, in their order.

    Raises:
        StageError: a process died; whatever the work raises comes as it is.
    """
    if min(processes, count) <= 1:
        with work.open() as do:
            yield from map(do, range(count))
        return
    with ExitStack() as ending:
        with interrupts_held_back():
            pool = ProcessPool(
                min(processes, count),
                initializer=_settle_in,
                initargs=(work,),
                context=multiprocessing.get_context("spawn"),
            )
            ending.callback(end, pool)
            futures = [pool.schedule(_do, args=(number,)) for number in range(count)]
        for future in futures:
            yield _result(future, type(work).__name__)


def _result(future: ProcessFuture[Any], name: str) -> Any:
    try:
        return future.result()
    except ProcessExpired as error:
        raise _lost(name, died_of(error.exitcode)) from error
    except BrokenProcessPool as error:
        raise _lost(name, "before it did anything") from error


def _lost(name: str, how: str) -> StageError:
    return StageError(
        f"a process of {name} died: {how} (out of memory, if by SIGKILL); wanted memory for each "
        "of them and a main script that can be imported; the shards that were finished are kept: "
        "give the same command again to go on, or with fewer processes (runtime.judges)"
    )


class _Here:
    """What a process holds from one shard to the next."""

    work: ShardWork[object]
    do: Callable[[int], object] | None = None
    held = ExitStack()


def _settle_in(work: ShardWork[object]) -> None:
    end_with_opener()
    _Here.work = work


def _do(number: int) -> object:
    if _Here.do is None:  # not in `_settle_in`, whose errors would not reach anybody
        _Here.do = _Here.held.enter_context(_Here.work.open())
    return _Here.do(number)
