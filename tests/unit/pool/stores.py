"""Stores of made-up answers, and a teacher that is asked for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from advdistill.answers import AnswerFormat
from advdistill.digests import HOW
from advdistill.interfaces import Ask, Member
from advdistill.pool.keys import Question, questions
from advdistill.pool.shards import Stored, stored
from advdistill.records import Prompt, Response
from tests.builders import prompt, response
from tests.tiny import ANSWER_FORMAT

ABOUT: dict[str, object] = {"teacher": "scripted"}


def prompts(number: int) -> list[Prompt]:
    return [prompt(f"n/train/{i}", answer=str(i), question=f"What is {i}?") for i in range(number)]


def asked(number: int) -> list[Question]:
    return list(questions(lambda: prompts(number), ANSWER_FORMAT))


def rows(question: Question, samples: Iterable[int]) -> list[Stored]:
    prompt_id = question.prompt.prompt_id
    return [stored(question, response(prompt_id, s, text=f"{prompt_id}#{s}")) for s in samples]


@dataclass(kw_only=True, eq=False)
class Scripted:
    """A teacher whose answer n to a prompt is right where `right` says so, and that can die."""

    name: str = "scripted"
    samples: int = 4
    right: dict[str, str] = field(default_factory=dict)
    """By prompt id, a letter for each answer: `r` for right."""
    shard_prompts: int = field(default=2, metadata=HOW)
    stored: bool = field(default=True, metadata=HOW)
    dies_at: str | None = field(default=None, metadata=HOW)
    ahead: int = field(default=1, metadata=HOW)
    """Shards that it reads before it answers the first."""
    shards: list[list[tuple[str, int, int]]] = field(default_factory=list, metadata=HOW)
    """What it was asked for."""
    closed: bool = field(default=False, metadata=HOW)
    model: str | None = field(default=None, metadata=HOW)
    revision: str | None = field(default=None, metadata=HOW)

    @property
    def members(self) -> Sequence[tuple[Member, int]]:
        return [(self, self.samples)]

    @property
    def author(self) -> Member:
        return self

    def sources(self) -> Sequence[Path]:
        return []

    def sample(
        self, shards: Iterable[Sequence[Ask] | None], *, answer_format: AnswerFormat
    ) -> Iterator[list[Response]]:
        waiting: list[Sequence[Ask]] = []
        rest = iter(shards)
        while True:
            while len(waiting) < self.ahead and (asks := next(rest, None)) is not None:
                waiting.append(asks)
                self.shards.append(
                    [(a.prompt.prompt_id, a.samples.start, a.samples.stop) for a in asks]
                )
            if not waiting:
                break
            yield self._answer(waiting.pop(0))
        self.closed = True

    def _answer(self, asks: Sequence[Ask]) -> list[Response]:
        if self.dies_at in [ask.prompt.prompt_id for ask in asks]:
            raise MemoryError
        return [
            response(ask.prompt.prompt_id, sample, text=self._text(ask.prompt, sample))
            for ask in asks
            for sample in ask.samples
        ]

    def _text(self, prompt: Prompt, sample: int) -> str:
        marks = self.right.get(prompt.prompt_id, "")
        right = sample < len(marks) and marks[sample] == "r"
        return f"{self.name} {sample} #### {prompt.answer if right else '-1'}"
