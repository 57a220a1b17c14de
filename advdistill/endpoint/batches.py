"""Batches of requests: a file goes up, a job works on it for hours, files of answers come down."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from advdistill.endpoint.chat import Choice, Malformed, read
from advdistill.endpoint.client import Client
from advdistill.endpoint.faults import PassingFault, Refusal, check_status
from advdistill.errors import StageError

logger = logging.getLogger(__name__)

_CHAT = "/v1/chat/completions"
_MARK = "advdistill"
"""The metadata by which a batch is found again."""
_UNDER_WAY = ("validating", "in_progress", "finalizing", "completed")
"""Whose answers are there or will be; a batch that ended otherwise is submitted anew."""
_ENDED = ("completed", "failed", "expired", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch as the endpoint knows it."""

    batch_id: str
    status: str
    files: tuple[str, ...]
    """With answers and with errors."""
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What came of one request of a batch."""

    choice: Choice | None
    """None where there is no answer."""
    detail: str
    final: bool = False
    """Whether to ask again is of no use."""
    lost: bool = False
    """Whether the batch ended before its turn came."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Batches:
    """Sends batches by a client."""

    client: Client
    poll_seconds: float

    async def lines(self, bodies: Mapping[str, Mapping[str, Any]], *, turn: int) -> dict[str, Line]:
        """Return what came of each request, by its id.

        A batch of the same requests and turn that was submitted before is waited for instead.

        Raises:
            StageError: the batch failed as a whole, or no request to the endpoint can do.
        """
        content = _file_of(bodies)
        mark = sha256(f"{turn}\n".encode() + content).hexdigest()
        batch = await self._ended(await self._submitted(content, mark))
        if batch.status == "failed":
            raise StageError(
                f"{self.client.endpoint.url}: batch {batch.batch_id} failed ({batch.detail}); "
                "wanted one that is taken; correct the teacher's settings"
            )
        found = [line for name in batch.files for line in await self._file(name)]
        return _sorted_out(found, bodies, batch=batch, client=self.client)

    async def _submitted(self, content: bytes, mark: str) -> Batch:
        async def attempt() -> Batch:
            # Each try looks first: one whose reply was lost may have submitted it.
            async for batch, its_mark in self._all():
                if its_mark == mark and batch.status in _UNDER_WAY:
                    logger.info("batch %s was submitted before (%s)", batch.batch_id, batch.status)
                    return batch
            return await self._submit(content, mark)

        return await self.client.persist(attempt)

    async def _submit(self, content: bytes, mark: str) -> Batch:
        sent = await self.client.once(
            "POST",
            "files",
            data={"purpose": "batch"},
            files={"file": (f"{mark}.jsonl", content, "application/jsonl")},
        )
        body = {
            "input_file_id": self._named(self.client.json_of(sent)),
            "endpoint": _CHAT,
            "completion_window": "24h",
            "metadata": {_MARK: mark},
        }
        reply = await self.client.once("POST", "batches", json=body)
        batch, _ = self._batch(self.client.json_of(reply))
        logger.info("batch %s submitted", batch.batch_id)
        return batch

    async def _all(self) -> AsyncIterator[tuple[Batch, str | None]]:
        """Yield every batch of the account, with its mark."""
        after: dict[str, str] = {}
        while True:
            reply = await self.client.once("GET", "batches", params={"limit": "100", **after})
            payload = self.client.json_of(reply)
            match payload:
                case {"data": [*batches], **rest}:
                    for one in batches:
                        yield self._batch(one)
                case _:
                    raise self.client.malformed(payload)
            if not batches or rest.get("has_more") is not True:
                return
            after = {"after": self._named(batches[-1])}

    async def _ended(self, batch: Batch) -> Batch:
        async def attempt() -> Batch:
            reply = await self.client.once("GET", f"batches/{batch.batch_id}")
            return self._batch(self.client.json_of(reply))[0]

        while (batch := await self.client.persist(attempt)).status not in _ENDED:
            await asyncio.sleep(self.poll_seconds)
        return batch

    async def _file(self, name: str) -> list[bytes]:
        async def attempt() -> list[bytes]:
            return (await self.client.once("GET", f"files/{name}/content")).content.splitlines()

        return await self.client.persist(attempt)

    def _named(self, payload: object) -> str:
        match payload:
            case {"id": str(name)}:
                return name
            case _:
                raise self.client.malformed(payload)

    def _batch(self, payload: object) -> tuple[Batch, str | None]:
        match payload:
            case {"id": str(batch_id), "status": str(status), **rest}:
                names = (rest.get("output_file_id"), rest.get("error_file_id"))
                batch = Batch(
                    batch_id=batch_id,
                    status=status,
                    files=tuple(name for name in names if isinstance(name, str)),
                    detail=self.client.shown(rest.get("errors")),
                )
            case _:
                raise self.client.malformed(payload)
        match rest.get("metadata"):
            case {"advdistill": str(mark)}:
                return batch, mark
            case _:
                return batch, None


def _file_of(bodies: Mapping[str, Mapping[str, Any]]) -> bytes:
    lines = (
        {"custom_id": name, "method": "POST", "url": _CHAT, "body": body}
        for name, body in bodies.items()
    )
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


def _sorted_out(
    found: Sequence[bytes],
    asked: Mapping[str, object],
    *,
    batch: Batch,
    client: Client,
) -> dict[str, Line]:
    """Return a line for each request: its own, or that there is none where it has not just one."""
    read_lines = [line for line in (_read(one, client) for one in found) if line is not None]
    times = Counter(name for name, _ in read_lines)
    own = {name: line for name, line in read_lines if times[name] == 1}
    none = Line(choice=None, detail="no line of its own", lost=batch.status != "completed")
    return {name: own.get(name, none) for name in asked}


def _read(content: bytes, client: Client) -> tuple[str, Line] | None:
    """Return the id and what came of it; None for what is no such line."""
    try:
        payload = json.loads(content)
    except (ValueError, RecursionError):
        return None
    match payload:
        case {
            "custom_id": str(name),
            "response": {"status_code": int(status), "body": body},
            **rest,
        } if rest.get("error") is None:
            return name, _line(status, body, client)
        case {"custom_id": str(name), **rest}:
            return name, Line(choice=None, detail=client.shown(rest.get("error")))
        case _:
            return None


def _line(status: int, body: object, client: Client) -> Line:
    try:
        text = "" if status == 200 else client.scrubbed(json.dumps(body))
        check_status(status, text, url=client.endpoint.url)
        reply = read(body, answers=1)
    except Refusal as refusal:
        return Line(choice=None, final=True, detail=str(refusal))
    except (PassingFault, Malformed) as fault:
        return Line(choice=None, detail=str(fault))
    client.ledger.add_usage(reply.prompt_tokens, reply.completion_tokens)
    return Line(choice=reply.choices.get(0), detail="no answer in the reply")
