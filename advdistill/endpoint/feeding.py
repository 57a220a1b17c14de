"""Keeps an endpoint busy with many shards, and gives them back in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait

from advdistill.interfaces import Ask
from advdistill.records import Response

Work = Future[list[Response]]

_SHARDS_AHEAD = 16
"""Answers of so many shards wait at most for those of an earlier one."""


def in_order(
    shards: Iterable[Sequence[Ask] | None],
    start: Callable[[Sequence[Ask]], Sequence[Work]],
    *,
    room: int,
) -> Iterator[list[Response]]:
    """Yield the rows of each shard; `room` works or more are under way while there are shards.

    None among the shards says that there is no other before one more has been yielded.
    """
    rest = iter(shards)
    waiting: deque[Sequence[Work]] = deque()
    unfinished: set[Work] = set()

    def feed() -> bool:
        """Start shards while there is room; return whether there may be more of them now."""
        while len(unfinished) < room and len(waiting) < _SHARDS_AHEAD:
            asks = next(rest, None)
            if asks is None:
                return False
            works = start(asks)
            waiting.append(works)
            unfinished.update(works)
            for work in works:
                work.add_done_callback(unfinished.discard)
        return True

    try:
        more = feed()
        while waiting:
            pending = next((work for work in waiting[0] if not work.done()), None)
            if pending is None:
                yield [row for work in waiting.popleft() for row in work.result()]
                more = feed()
            else:
                wait([pending])
                more = more and feed()
    finally:
        for work in [work for works in waiting for work in works]:
            work.cancel()
