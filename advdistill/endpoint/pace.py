"""Holds requests back so that no window of time sees more of them, or of tokens, than allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from math import ceil

from pyrate_limiter import InMemoryBucket, MonotonicClock, Rate, RateItem

from advdistill.errors import StageError

SLACK_SECONDS = 1.0
"""Added to the window: requests take unequal times to arrive, so that they may close up."""
_UNITS = 10_000
"""The bucket holds an entry per unit, so many tokens are counted in as many parts of the limit."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A limit on one kind of thing, as a log of what the last window saw."""

    name: str
    limit: int
    bucket: InMemoryBucket

    def item(self, amount: int, now: int) -> RateItem:
        """Return the entry for an amount, rounded up to whole units.

        Raises:
            StageError: the amount is above the limit, so that it would wait forever.
        """
        if amount > self.limit:
            raise StageError(
                f"a request could use {amount} tokens, and {self.name} is {self.limit}; wanted a "
                f"request below it; lower max_tokens or answers_per_request, or raise {self.name}"
            )
        units = self.bucket.rates[0].limit
        return RateItem(self.name, now, weight=ceil(amount * units / self.limit))

    def wait(self, item: RateItem) -> int:
        """Return the milliseconds until there is room for the entry."""
        rate = self.bucket.rates[0]
        blocking = self.bucket.peek(rate.limit - item.weight)
        if blocking is None:
            return 0
        return max(0, blocking.timestamp + rate.interval + 1 - item.timestamp)

    def put(self, item: RateItem) -> None:
        """Take the room."""
        self.bucket.leak(item.timestamp)
        assert self.bucket.put(item)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pace:
    """Lets requests go one by one, first come first served; `pace_of` makes it."""

    requests: Bound | None
    tokens: Bound | None
    now: Callable[[], int]
    """The time in milliseconds, from a clock that is never set back."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take(self, tokens: int) -> None:
        """Wait until one more request, of so many tokens at most, may go.

        Both logs are written in the same moment: an entry that waited for the other would count
        from too early on.

        Raises:
            StageError: the request alone is above the limit.
        """
        amounts = [(self.requests, 1), (self.tokens, tokens)]
        async with self.turn:
            while True:
                now = self.now()
                items = [(one, one.item(amount, now)) for one, amount in amounts if one and amount]
                wait = max((one.wait(item) for one, item in items), default=0)
                if not wait:
                    break
                await self.sleep(wait / 1000)
            for one, item in items:
                one.put(item)


def pace_of(
    *,
    requests: int | None,
    tokens: int | None,
    seconds: float,
) -> Pace:
    """Return what lets so many requests and tokens go in any window of so many seconds."""
    interval = ceil((seconds + SLACK_SECONDS) * 1000)

    def bound(name: str, limit: int | None) -> Bound | None:
        if limit is None:
            return None
        bucket = InMemoryBucket([Rate(min(limit, _UNITS), interval)])
        return Bound(name=name, limit=limit, bucket=bucket)

    return Pace(
        requests=bound("requests_per_minute", requests),
        tokens=bound("tokens_per_minute", tokens),
        now=MonotonicClock().now,
    )
