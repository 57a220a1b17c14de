"""Holds requests back so that no window of time sees more of them, or of tokens, than allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil

from pyrate_limiter import InMemoryBucket, MonotonicClock, Rate, RateItem

from advdistill.errors import StageError

SLACK_SECONDS = 1.0
"""Added to the window: requests take unequal times to arrive, so that they may close up."""
_UNITS = 10_000
"""The bucket holds an entry per unit, so many tokens are counted in as many parts of the limit."""


@dataclass(kw_only=True, eq=False)
class Bound:
    """A limit on one kind of thing: what the last window saw of it, and what is about to go."""

    name: str
    limit: int
    bucket: InMemoryBucket
    pending: int = 0
    """Units of requests that may go and are not sent yet."""

    def units(self, amount: int) -> int:
        """Return the amount in units, rounded up.

        Raises:
            StageError: it is above the limit, so that it would wait forever.
        """
        if amount > self.limit:
            raise StageError(
                f"a request could use {amount} tokens, and {self.name} is {self.limit}; wanted a "
                f"request below it; lower max_tokens or answers_per_request, or raise {self.name}"
            )
        return ceil(amount * self.bucket.rates[0].limit / self.limit)

    def wait(self, units: int, now: int) -> int | None:
        """Return the milliseconds until there is room; None for until a request is sent."""
        rate = self.bucket.rates[0]
        rest = rate.limit - self.pending - units
        if rest < 0:
            return None
        blocking = self.bucket.peek(rest)
        return 0 if blocking is None else max(0, blocking.timestamp + rate.interval + 1 - now)

    def write(self, units: int, now: int) -> None:
        """Count units that were pending from now on."""
        self.pending -= units
        self.bucket.leak(now)
        assert self.bucket.put(RateItem(self.name, now, weight=units))


@dataclass(frozen=True, kw_only=True, eq=False)
class Pace:
    """Lets requests go one by one, first come first served; `pace_of` makes it."""

    bounds: tuple[Bound | None, Bound | None]
    """On requests and on tokens."""
    now: Callable[[], int]
    """The time in milliseconds, from a clock that is never set back."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    written: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, tokens: int) -> Ticket:
        """Wait until one more request, of so many tokens at most, may go.

        Raises:
            StageError: the request alone is above the limit.
        """
        amounts = zip(self.bounds, (1, tokens), strict=True)
        shares = [(bound, bound.units(amount)) for bound, amount in amounts if bound and amount]
        async with self.turn:
            while True:
                self.written.clear()
                now = self.now()
                waits = [bound.wait(units, now) for bound, units in shares]
                known = [wait for wait in waits if wait is not None]
                if len(known) < len(waits):
                    await self.written.wait()
                elif any(known):
                    await self.sleep(max(known) / 1000)
                else:
                    break
            for bound, units in shares:
                bound.pending += units
        return Ticket(pace=self, shares=shares)


@dataclass(kw_only=True, eq=False)
class Ticket:
    """The right to send one request."""

    pace: Pace
    shares: list[tuple[Bound, int]]

    def sent(self) -> None:
        """Count the request from now on: until it was sent, it could have arrived any time later.

        A second call does nothing.
        """
        now = self.pace.now()
        for bound, units in self.shares:
            bound.write(units, now)
        self.shares = []
        self.pace.written.set()

    @contextmanager
    def used(self) -> Iterator[None]:
        """Count the request at the end at the latest, whether it was sent or not."""
        try:
            yield
        finally:
            self.sent()


def pace_of(*, requests: int | None, tokens: int | None, seconds: float) -> Pace:
    """Return what lets so many requests and tokens go in any window of so many seconds."""
    interval = ceil((seconds + SLACK_SECONDS) * 1000)

    def bound(name: str, limit: int | None) -> Bound | None:
        if limit is None:
            return None
        bucket = InMemoryBucket([Rate(min(limit, _UNITS), interval)])
        return Bound(name=name, limit=limit, bucket=bucket)

    return Pace(
        bounds=(bound("requests_per_minute", requests), bound("tokens_per_minute", tokens)),
        now=MonotonicClock().now,
    )
