"""Asks an endpoint for the answers of many shards, each by requests of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from advdistill.answers import AnswerFormat
from advdistill.endpoint.chat import PATH, Choice, Malformed, Question, no_answer, read
from advdistill.endpoint.client import Client, open_client
from advdistill.endpoint.faults import PassingFault, Refusal
from advdistill.endpoint.feeding import in_order
from advdistill.endpoint.settings import Endpoint
from advdistill.interfaces import Ask
from advdistill.records import Prompt, Response

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Asking:
    """How the answers are asked for."""

    question: Question
    answer_format: AnswerFormat
    answers_per_request: int
    teacher: str
    """As rows name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Answers to one prompt that share a request."""

    prompt: Prompt
    asked: range
    """What the request asks for; it begins at a multiple of its length, whoever asks."""
    wanted: range


def answer(
    shards: Iterable[Sequence[Ask] | None], *, endpoint: Endpoint, asking: Asking
) -> Iterator[list[Response]]:
    """Yield the responses of each shard; requests of later ones are under way meanwhile.

    Raises:
        ConfigError: there is no key.
        StageError: the endpoint gives no answers.
    """
    with open_client(endpoint) as client:

        async def rows(block: Block) -> list[Response]:
            return await _rows(block, client, asking)

        yield from in_order(
            shards,
            lambda asks: [
                client.portal.start_task_soon(rows, block)
                for ask in asks
                for block in blocks(ask, asking.answers_per_request)
            ],
            room=2 * endpoint.concurrency,
        )


def blocks(ask: Ask, size: int) -> Iterator[Block]:
    """Yield the requests that together have the answers.

    An answer must not depend on which others the caller wants: a block is asked for whole.
    """
    for start in range(ask.samples.start // size * size, ask.samples.stop, size):
        wanted = range(max(start, ask.samples.start), min(start + size, ask.samples.stop))
        yield Block(prompt=ask.prompt, asked=range(start, start + size), wanted=wanted)


async def _rows(block: Block, client: Client, asking: Asking) -> list[Response]:
    """Return the rows of a block; what its request did not give is asked for one by one."""
    prompt_id = block.prompt.prompt_id
    found: dict[int, Choice] = {}
    try:
        found |= await _choices(block.prompt, block.asked, client, asking)
        for sample in block.wanted:
            if sample not in found:
                alone = range(sample, sample + 1)
                found |= await _choices(block.prompt, alone, client, asking)
    except Refusal as refusal:
        client.ledger.faults["refused"] += 1
        logger.warning("%s: %s will not be answered: %s", client.endpoint.url, prompt_id, refusal)
    return [
        found[sample].response(prompt_id, sample, teacher=asking.teacher)
        if sample in found
        else no_answer(prompt_id, sample, teacher=asking.teacher)
        for sample in block.wanted
    ]


async def _choices(
    prompt: Prompt, numbers: range, client: Client, asking: Asking
) -> dict[int, Choice]:
    """Return at least one of the answers, by their numbers."""
    question, answer_format = asking.question, asking.answer_format
    body = question.body(prompt, numbers, answer_format)
    tokens = question.most_tokens(prompt, len(numbers), answer_format)

    async def attempt() -> dict[int, Choice]:
        sent = await client.once("POST", PATH, tokens=tokens, json=body)
        try:
            reply = read(client.json_of(sent), answers=len(numbers))
        except Malformed as error:
            raise client.malformed(error.found) from error
        client.ledger.add_usage(reply.prompt_tokens, reply.completion_tokens)
        if not reply.choices:
            raise PassingFault("choices", f"none of {len(numbers)} answers, or each of them twice")
        if len(reply.choices) < len(numbers):
            client.ledger.faults["fewer"] += 1
        return {numbers.start + index: choice for index, choice in reply.choices.items()}

    return await client.persist(attempt)
