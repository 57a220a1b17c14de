"""Asks an endpoint for the answers of each shard in a batch, and once more for those that fail."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from advdistill.answers import AnswerFormat
from advdistill.endpoint.batches import Batches, Line
from advdistill.endpoint.chat import Question, no_answer
from advdistill.endpoint.client import Client, open_client
from advdistill.endpoint.feeding import in_order
from advdistill.endpoint.settings import Endpoint
from advdistill.errors import StageError
from advdistill.interfaces import Ask
from advdistill.records import Prompt, Response

logger = logging.getLogger(__name__)

_TURNS = 2
"""A request that fails is asked again once."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AskingInBatches:
    """How the answers are asked for."""

    question: Question
    answer_format: AnswerFormat
    teacher: str
    """As rows name it."""
    batches: int
    """Under way at a time."""
    poll_seconds: float


def answer_in_batches(
    shards: Iterable[Sequence[Ask] | None], *, endpoint: Endpoint, asking: AskingInBatches
) -> Iterator[list[Response]]:
    """Yield the responses of each shard; the batches of later ones are under way meanwhile.

    Raises:
        ConfigError: there is no key.
        StageError: the endpoint gives no answers.
    """
    with open_client(endpoint) as client:

        async def rows(asks: Sequence[Ask]) -> list[Response]:
            return await _rows(asks, client, asking)

        yield from in_order(
            shards,
            lambda asks: [client.portal.start_task_soon(rows, asks)],
            room=asking.batches,
        )


async def _rows(asks: Sequence[Ask], client: Client, asking: AskingInBatches) -> list[Response]:
    wanted = {
        f"{ask.prompt.prompt_id}#{sample}": (ask.prompt, sample)
        for ask in asks
        for sample in ask.samples
    }
    lines = await _lines(wanted, client, asking)
    failed = [name for name, line in lines.items() if line.choice is None]
    if failed:
        client.ledger.faults["refused"] += len(failed)
        logger.warning(
            "%s: %d answers cannot be had (first: %s, %s)",
            *(client.endpoint.url, len(failed), failed[0], lines[failed[0]].detail),
        )
    return [
        no_answer(prompt.prompt_id, sample, teacher=asking.teacher)
        if choice is None
        else choice.response(prompt.prompt_id, sample, teacher=asking.teacher)
        for (prompt, sample), choice in (
            (wanted[name], line.choice) for name, line in lines.items()
        )
    ]


async def _lines(
    wanted: Mapping[str, tuple[Prompt, int]], client: Client, asking: AskingInBatches
) -> dict[str, Line]:
    """Return what came of each request in the end, in the order in which they are wanted."""
    batches = Batches(client=client, poll_seconds=asking.poll_seconds)
    bodies = {
        name: asking.question.body(prompt, range(sample, sample + 1), asking.answer_format)
        for name, (prompt, sample) in wanted.items()
    }
    lines: dict[str, Line] = {}
    left = list(bodies)
    for turn in range(_TURNS):
        if left:
            lines |= await batches.lines({name: bodies[name] for name in left}, turn=turn)
        left = [name for name in left if lines[name].choice is None and not lines[name].final]
        if left:
            client.ledger.faults["line"] += len(left)
    unasked = [name for name in left if lines[name].lost]
    if unasked:
        raise StageError(
            f"{client.endpoint.url}: {len(unasked)} of {len(bodies)} requests were not "
            f"reached by {_TURNS} batches before they ended (first: {unasked[0]}); wanted an "
            "answer to each; run the same command again, or set a smaller shard_prompts"
        )
    return {name: lines[name] for name in bodies}
