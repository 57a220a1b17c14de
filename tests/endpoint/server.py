"""The scripted endpoint's server: HTTP/1.1 on 127.0.0.1, in a thread, with faults of transport."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

from tests.endpoint.batches import BatchStore
from tests.endpoint.script import Fault, Script, prompt_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One request as it came in."""

    seconds: float
    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What goes back."""

    status: int
    body: bytes
    headers: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Server:
    """A running endpoint; `serve` starts and ends it."""

    script: Script
    key: str | None = None
    """Wanted of every request."""
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Status and text for prompts that hold the given words."""
    status: tuple[int, str] | None = None
    """Status and text for every request."""
    wait_seconds: float = 1.0
    """What Retry-After asks for."""
    delay_seconds: float = 0.0
    """Before each answer."""
    url: str = ""
    arrivals: list[Arrival] = field(default_factory=list)
    batches: BatchStore = field(default_factory=BatchStore)
    open_connections: int = 0
    busy: int = 0
    busiest: int = 0

    def largest_window(self, seconds: float) -> int:
        """Return the most requests that any span of so many seconds saw."""
        times = [arrival.seconds for arrival in self.arrivals]
        return largest_window([(at, 1) for at in times], seconds)

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after the other, until either side has had enough."""
        self.open_connections += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._request(reader, writer):
                    pass
        finally:
            self.open_connections -= 1
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        pairs = (line.partition(": ") for line in head[1:] if line)
        headers = {name.lower(): value for name, _, value in pairs}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        is_json = headers.get("content-type") == "application/json"
        body = json.loads(content) if is_json else {}
        self.arrivals.append(
            Arrival(seconds=time.monotonic(), method=method, path=path, headers=headers, body=body)
        )
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            return await self._reply(writer, self.arrivals[-1], content)
        finally:
            self.busy -= 1

    async def _reply(self, writer: asyncio.StreamWriter, arrival: Arrival, content: bytes) -> bool:
        await asyncio.sleep(self.delay_seconds)
        refused = self._refused(arrival)
        if refused is not None:
            return await _send(writer, refused)
        if not arrival.path.startswith("/v1/chat/completions"):
            return await self._batches(writer, arrival, content)
        fault = self.script.fault(arrival.body)
        whole = json.dumps(self.script.completion(arrival.body, fault)).encode()
        return await self._faulty(writer, whole, fault)

    async def _batches(
        self, writer: asyncio.StreamWriter, arrival: Arrival, content: bytes
    ) -> bool:
        key = f"{arrival.method} {arrival.path}"
        fault = self.script.fault({"messages": [{"content": key}]})
        found = self.batches.reply(arrival.method, arrival.path, arrival.body, content, self.script)
        return await self._faulty(writer, found, fault)

    def _refused(self, arrival: Arrival) -> Answered | None:
        if self.status is not None:
            return Answered(status=self.status[0], body=self.status[1].encode())
        if self.key is not None and arrival.headers.get("authorization") != f"Bearer {self.key}":
            given = arrival.headers.get("authorization", "")
            return Answered(status=401, body=f"Incorrect API key provided: {given}".encode())
        for words, (status, text) in self.refusals.items():
            if arrival.body.get("messages") and words in prompt_of(arrival.body):
                return Answered(status=status, body=text.encode())
        return None

    async def _faulty(
        self, writer: asyncio.StreamWriter, whole: bytes, fault: Fault | None
    ) -> bool:
        until = datetime.now(UTC) + timedelta(seconds=self.wait_seconds + 1)  # no part of a second
        limited = {
            Fault.limited: (f"Retry-After: {self.wait_seconds:g}",),
            Fault.limited_date: (f"Retry-After: {format_datetime(until, usegmt=True)}",),
            Fault.limited_bare: (),
        }
        match fault:
            case Fault.limited | Fault.limited_date | Fault.limited_bare:
                return await _send(
                    writer, Answered(status=429, body=b"slow down", headers=limited[fault])
                )
            case Fault.error:
                return await _send(writer, Answered(status=500, body=b"oh no"))
            case Fault.reset:
                linger = struct.pack("ii", 1, 0)  # closing sends a reset
                writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, linger)
                writer.transport.abort()
                return False
            case Fault.cut:
                writer.write(_head(200, len(whole)) + whole[: len(whole) // 2])
                await writer.drain()
                return False
            case Fault.hang:
                await asyncio.sleep(3600)
                return False
            case Fault.slow:
                return await _send_slowly(writer, whole)
            case _:
                broken = {
                    Fault.truncated: whole[: len(whole) // 2],
                    Fault.garbage: b"<html>Bad gateway</html>",
                    Fault.shape: b'{"choices": [{"text": "no message"}]}',
                }
                body = whole if fault is None else broken.get(fault, whole)
                return await _send(writer, Answered(status=200, body=body))


def largest_window(entries: list[tuple[float, int]], seconds: float) -> int:
    """Return the largest sum that any span of so many seconds saw."""
    entries = sorted(entries)
    most, total, first = 0, 0, 0
    for at, amount in entries:
        total += amount
        while entries[first][0] <= at - seconds:
            total -= entries[first][1]
            first += 1
        most = max(most, total)
    return most


@contextmanager
def serve(script: Script | None = None, **settings: Any) -> Iterator[Server]:
    """Give a server in a thread of its own; it ends with the block."""
    server = Server(script=script or Script(), **settings)
    ready, loops = threading.Event(), []

    async def main() -> None:
        listening = await asyncio.start_server(server.connection, "127.0.0.1", 0, backlog=1024)
        port = listening.sockets[0].getsockname()[1]
        server.url = f"http://127.0.0.1:{port}/v1"
        loops.append((asyncio.get_running_loop(), asyncio.current_task()))
        ready.set()
        with suppress(asyncio.CancelledError):
            await listening.serve_forever()

    thread = threading.Thread(target=lambda: asyncio.run(main()), name="faulty", daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        (loop, task) = loops[0]
        loop.call_soon_threadsafe(task.cancel)
        thread.join(10)
        assert not thread.is_alive()


async def _send(writer: asyncio.StreamWriter, answered: Answered) -> bool:
    head = _head(answered.status, len(answered.body), answered.headers)
    writer.write(head + answered.body)
    await writer.drain()
    return True


async def _send_slowly(writer: asyncio.StreamWriter, whole: bytes) -> bool:
    writer.write(_head(200, len(whole)))
    for start in range(0, len(whole), 32):
        writer.write(whole[start : start + 32])
        await writer.drain()
        await asyncio.sleep(0.01)
    return True


def _head(status: int, length: int, headers: tuple[str, ...] = ()) -> bytes:
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {length}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode()
