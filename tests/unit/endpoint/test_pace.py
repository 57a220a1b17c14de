"""No window sees more than the limit, and nobody waits longer than for that."""

import asyncio
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest

from advdistill.endpoint.pace import SLACK_SECONDS, Pace, pace_of
from advdistill.errors import StageError
from tests.endpoint.server import largest_window


@dataclass
class Clock:
    """Time that passes while one sleeps, and not otherwise."""

    milliseconds: int = 1000
    slept: list[float] = field(default_factory=list)

    def now(self) -> int:
        return self.milliseconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.milliseconds += round(seconds * 1000)


def taken(clock: Clock, *amounts: int, requests: int | None, tokens: int | None) -> list[float]:
    """Return when each request of so many tokens may go."""
    pace = replace(
        pace_of(requests=requests, tokens=tokens, seconds=60), now=clock.now, sleep=clock.sleep
    )
    return asyncio.run(_times(pace, clock, amounts))


async def _times(pace: Pace, clock: Clock, amounts: tuple[int, ...]) -> list[float]:
    times = []
    for amount in amounts:
        ticket = await pace.take(amount)
        ticket.sent()
        times.append(clock.milliseconds / 1000)
        clock.milliseconds += 7
    return times


def test_without_a_limit_nothing_waits() -> None:
    clock = Clock()
    taken(clock, *[100] * 50, requests=None, tokens=None)
    assert clock.slept == []


@pytest.mark.parametrize("limit", [1, 2, 7, 30])
def test_no_window_sees_more_requests_than_the_limit(limit: int) -> None:
    times = taken(Clock(), *[0] * 100, requests=limit, tokens=None)
    assert largest_window([(at, 1) for at in times], 60 + SLACK_SECONDS) == limit
    assert times[-1] < (100 / limit + 1) * (60 + SLACK_SECONDS + 0.01)


@pytest.mark.parametrize("limit", [100, 999, 54_321, 2_000_000])
def test_no_window_sees_more_tokens_than_the_limit(limit: int) -> None:
    amounts = [1 + number * 7919 % (limit // 3) for number in range(100)]
    times = taken(Clock(), *amounts, requests=None, tokens=limit)
    seen = largest_window(list(zip(times, amounts, strict=True)), 60 + SLACK_SECONDS)
    assert 0.6 * limit < seen <= limit


def test_an_entry_that_waited_for_the_other_limit_counts_from_when_it_goes() -> None:
    amounts = [90, 90, 1, 1, 1, 90, 1, 1, 90]
    times = taken(Clock(), *amounts, requests=3, tokens=100)
    window = 60 + SLACK_SECONDS
    assert largest_window([(at, 1) for at in times], window) <= 3
    assert largest_window(list(zip(times, amounts, strict=True)), window) <= 100


def test_requests_go_in_the_order_in_which_they_came() -> None:
    times = taken(Clock(), 99, 99, 1, 1, requests=None, tokens=100)
    assert all(one <= other for one, other in pairwise(times))


def test_a_request_counts_from_when_it_is_sent() -> None:
    """However long that takes: it arrives after, not when it was let go."""
    clock = Clock()

    async def times() -> tuple[int, int]:
        pace = replace(
            pace_of(requests=1, tokens=None, seconds=60), now=clock.now, sleep=clock.sleep
        )
        first, second = await pace.take(1), asyncio.create_task(pace.take(1))
        clock.milliseconds += 1_000_000
        for _ in range(5):
            await asyncio.sleep(0)
        assert not second.done()
        first.sent()
        first.sent()
        sent = clock.milliseconds
        await second
        return sent, clock.milliseconds

    sent, let_go = asyncio.run(times())
    assert let_go >= sent + (60 + SLACK_SECONDS) * 1000


def test_a_request_that_was_never_sent_counts_from_its_end() -> None:
    async def pending() -> int:
        pace = pace_of(requests=1, tokens=None, seconds=60)
        ticket = await pace.take(1)
        with pytest.raises(ConnectionError), ticket.used():
            raise ConnectionError
        bound = pace.bounds[0]
        assert bound is not None
        return bound.pending + 10 * bound.bucket.count()

    assert asyncio.run(pending()) == 10


def test_a_request_above_the_limit_is_refused() -> None:
    with pytest.raises(StageError, match=r"101 tokens, and tokens_per_minute is 100.*max_tokens"):
        taken(Clock(), 101, requests=None, tokens=100)
