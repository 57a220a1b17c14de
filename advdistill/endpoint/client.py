"""Sends requests to an endpoint: in bounds, with a deadline, and again where a fault may pass."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from advdistill.endpoint.faults import PassingFault, check_status
from advdistill.endpoint.ledger import Ledger
from advdistill.endpoint.pace import Pace, Ticket, pace_of
from advdistill.endpoint.settings import Endpoint
from advdistill.errors import StageError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_LONGEST_BACKOFF_SECONDS = 60.0
_SHOWN = 300


@dataclass(frozen=True, kw_only=True, eq=False)
class Client:
    """An open connection to an endpoint; `open_client` makes and ends it."""

    endpoint: Endpoint
    ledger: Ledger
    portal: BlockingPortal
    """Runs what is asked of it in the thread that holds the connections."""
    http: httpx.AsyncClient = field(repr=False)
    pace: Pace = field(repr=False)
    slots: asyncio.Semaphore = field(repr=False)
    secret: str | None = field(repr=False)

    async def once(
        self, method: str, path: str, *, tokens: int = 0, **content: Any
    ) -> httpx.Response:
        """Return the reply to one request, which could use so many tokens at most.

        Raises:
            PassingFault: a later try may do.
            Refusal: the prompt is at fault.
            StageError: no request can do.
        """
        async with self.slots:
            ticket = await self.pace.take(tokens)
            with ticket.used():
                self.ledger.requests += 1
                reply = await self._sent(method, path, content, ticket)
        check_status(
            reply.status_code,
            self.scrubbed(reply.text) if reply.is_error or reply.is_redirect else "",
            url=self.endpoint.url,
            retry_after=reply.headers.get("retry-after"),
        )
        return reply

    async def persist(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Return what the attempt gives, made again while its faults may pass.

        Raises:
            StageError: the last try failed too.
        """
        backoff = wait_random_exponential(
            multiplier=self.endpoint.backoff_seconds, max=_LONGEST_BACKOFF_SECONDS
        )
        retrying = AsyncRetrying(
            sleep=asyncio.sleep,
            stop=stop_after_attempt(self.endpoint.retries + 1),
            wait=lambda state: _fault_of(state).wait_seconds + backoff(state),
            retry=retry_if_exception_type(PassingFault),
            after=self._count_fault,
            before_sleep=self._count_retry,
            reraise=True,
        )
        try:
            return await retrying(attempt)
        except PassingFault as fault:
            raise StageError(
                f"{self.endpoint.url} gave no answer in {self.endpoint.retries + 1} tries, at last "
                f"{fault}; wanted one; see whether the server runs and is of use, then run the "
                "same command again, or raise retries or deadline_seconds"
            ) from fault

    def json_of(self, reply: httpx.Response) -> Any:
        """Return the content of a reply.

        Raises:
            PassingFault: it is no JSON.
        """
        try:
            return json.loads(reply.content)
        except (ValueError, RecursionError) as error:
            raise self.malformed(reply.content.decode(errors="replace")) from error

    def malformed(self, found: object) -> PassingFault:
        """Return the fault of a reply that is not shaped as the protocol has it."""
        return PassingFault("malformed", self.shown(found))

    def shown(self, found: object) -> str:
        """Return the beginning of what a server gave, without the key."""
        return self.scrubbed(repr(found))[:_SHOWN]

    def scrubbed(self, text: str) -> str:
        """Return the text without the key, which a server may repeat."""
        return text.replace(self.secret, "***") if self.secret else text

    async def _sent(
        self, method: str, path: str, content: dict[str, Any], ticket: Ticket
    ) -> httpx.Response:
        async def trace(event: str, _: Mapping[str, Any]) -> None:
            if event.endswith("send_request_body.complete"):
                ticket.sent()

        try:
            async with asyncio.timeout(self.endpoint.deadline_seconds):
                return await self.http.request(method, path, extensions={"trace": trace}, **content)
        except TimeoutError as error:
            seconds = self.endpoint.deadline_seconds
            raise PassingFault("deadline", f"no whole reply in {seconds:g} s") from error
        except httpx.RequestError as error:
            detail = self.scrubbed(f"{type(error).__name__} {error}".strip())
            raise PassingFault("connection", detail) from error

    def _count_fault(self, state: RetryCallState) -> None:
        self.ledger.faults[_fault_of(state).kind] += 1

    def _count_retry(self, _: RetryCallState) -> None:
        self.ledger.retries += 1


@contextmanager
def open_client(endpoint: Endpoint) -> Iterator[Client]:
    """Give a client, and end its thread and its connections at the end.

    Raises:
        ConfigError: there is no key.
    """
    secret = endpoint.key()
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it has a line for every request
    ledger = Ledger(prompt_price=endpoint.prompt_price, completion_price=endpoint.completion_price)
    http = httpx.AsyncClient(
        base_url=endpoint.url,
        headers={"authorization": f"Bearer {secret}"} if secret else {},
        timeout=None,  # the deadline spans all of a request
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=endpoint.concurrency),
    )
    try:
        with (
            start_blocking_portal("asyncio", name="endpoint") as portal,
            portal.wrap_async_context_manager(http),
        ):
            yield Client(
                endpoint=endpoint,
                ledger=ledger,
                portal=portal,
                http=http,
                pace=pace_of(
                    requests=endpoint.requests_per_minute,
                    tokens=endpoint.tokens_per_minute,
                    seconds=endpoint.window_seconds,
                ),
                slots=asyncio.Semaphore(endpoint.concurrency),
                secret=secret,
            )
    finally:
        logger.info("%s: %s", endpoint.url, ledger.line())


def _fault_of(state: RetryCallState) -> PassingFault:
    fault = state.outcome and state.outcome.exception()
    assert isinstance(fault, PassingFault)
    return fault
