"""A teacher without a model, whose process dies or fails where it is told to."""

import os
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.errors import DataError
from advdistill.interfaces import Ask, Member
from advdistill.records import Finish, Response
from tests.builders import prompt

FORMAT = AnswerFormat(style=AnswerStyle.hash, instruction="", system=None, thinking=None)


@dataclass(frozen=True, kw_only=True)
class ScriptedTeacher:
    """Answers with the prompt's id and the sample; `teacher` is the process that did."""

    folder: str
    """Where a death leaves its mark, so that they can be counted."""
    deadly: dict[str, int] = field(default_factory=dict[str, int])
    """How often a prompt kills the process that is to answer it."""
    wrong: str | None = None
    """The prompt that the engine fails at."""
    spawns: bool = False
    """Whether the engine has a process of its own, which it leaves to others to end."""
    samples: int = 2
    shard_prompts: int = 2
    stored: bool = True
    model: str | None = None
    revision: str | None = None

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
        if self.spawns:
            subprocess.Popen(["sleep", "600"])
        for asks in shards:
            assert asks is not None, "asked again before the one before was answered"
            for ask in asks:
                self._suffer(ask.prompt.prompt_id)
            yield [_response(ask.prompt.prompt_id, n) for ask in asks for n in ask.samples]

    def _suffer(self, prompt_id: str) -> None:
        if prompt_id == self.wrong:
            raise DataError(f"{prompt_id} is wrong")
        died = len(list(Path(self.folder).glob(f"{prompt_id}.*")))
        if died < self.deadly.get(prompt_id, 0):
            (Path(self.folder) / f"{prompt_id}.{died}").touch()
            os.kill(os.getpid(), signal.SIGKILL)


def shards_of(count: int) -> list[list[Ask]]:
    """Return that many shards."""
    return [shard_of(number) for number in range(count)]


def shard_of(number: int) -> list[Ask]:
    """Return one of two prompts, of two samples each."""
    names = (f"p{2 * number}", f"p{2 * number + 1}")
    return [Ask(prompt=prompt(name), samples=range(2)) for name in names]


def texts(answers: Iterable[Sequence[Response]]) -> list[list[str]]:
    """Return the responses of each shard without what says who gave them."""
    return [[row.text for row in rows] for rows in answers]


def _response(prompt_id: str, sample: int) -> Response:
    return Response(
        prompt_id=prompt_id,
        sample=sample,
        text=f"{prompt_id} {sample}",
        tokens=1,
        finish=Finish.stop,
        teacher=str(os.getpid()),
    )
