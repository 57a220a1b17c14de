"""A teacher whose answers exist already, in a file or on the hub."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import product, takewhile
from math import inf
from pathlib import Path

from advdistill.answers import AnswerFormat
from advdistill.digests import HOW
from advdistill.errors import ConfigError, DataError
from advdistill.interfaces import Ask, Member
from advdistill.records import Finish, Prompt, Response
from advdistill.rows import Row, column, read_hub, read_rows, text

logger = logging.getLogger(__name__)

Key = tuple[str | None, str | None]
"""Prompt id and question, None for one that is not compared."""


@dataclass(frozen=True, kw_only=True)
class RecordedTeacher:
    """Recorded answers, numbered per prompt in the order of the file; groups may be ragged.

    A row belongs to the prompt whose id and question agree with its own, as far as their columns
    are set. A recorded id may lack the first parts of the prompt's: `00012` and `train/00012` both
    fit `gsm8k/train/00012`.
    """

    name: str
    """Written as the teacher of every answer where teacher_column is null."""
    path: str | None
    """A file or folder; either this or hub."""
    hub: str | None
    subset: str | None
    revision: str | None
    split: str
    """Of the hub's data set."""
    samples: int
    """The first so many answers of each prompt; 0 takes all there are."""
    shard_prompts: int = field(metadata=HOW)
    prompt_id_column: str | None
    question_column: str | None
    responses_column: str | None
    """Holds a list of answers, objects or plain text; None reads one answer from each row."""
    text_column: str
    """This and the columns below are looked up in the answer's object, or in the row itself."""
    teacher_column: str | None
    tokens_column: str | None
    finish_column: str | None
    """Holds stop, length or error; null counts as stop."""
    logprob_sum_column: str | None

    def __post_init__(self) -> None:
        """Check the ranges."""
        if (self.path is None) == (self.hub is None):
            raise ConfigError(
                f"teacher '{self.name}': path={self.path}, hub={self.hub}; wanted one of them"
            )
        if self.hub is not None and self.revision is None:
            raise ConfigError(
                f"teacher '{self.name}': hub '{self.hub}' without a revision could change; "
                "give teacher.revision=COMMIT (or `main`, if you accept that)"
            )
        if self.samples < 0 or self.shard_prompts < 1:
            raise ConfigError(
                f"teacher '{self.name}': samples={self.samples}, "
                f"shard_prompts={self.shard_prompts}; wanted at least 0 and 1"
            )
        if self.prompt_id_column is None and self.question_column is None:
            raise ConfigError(
                f"teacher '{self.name}': prompt_id_column and question_column are null; "
                "set one, so that answers find their prompts"
            )

    @property
    def model(self) -> str | None:
        """None: there are answers, but no model to score."""
        return None

    @property
    def members(self) -> Sequence[tuple[Member, int]]:
        """Those who answer: itself."""
        return [(self, self.samples)]

    @property
    def stored(self) -> bool:
        """Whether its answers go into the store."""
        return False

    @property
    def author(self) -> Member:
        """The teacher whose answers these are: itself."""
        return self

    def sources(self) -> Sequence[Path]:
        """Return the local file or folder, if there is one."""
        return [] if self.path is None else [Path(self.path)]

    def sample(
        self,
        shards: Iterable[Sequence[Ask] | None],
        *,
        answer_format: AnswerFormat,  # noqa: ARG002 (the answers are written already)
    ) -> Iterator[list[Response]]:
        """Yield the responses of each shard; prompts without a recorded answer have none.

        The answers wait in a temporary file, because the shards may come in another order.

        Raises:
            DataError: a row is malformed.
        """
        rest = iter(shards)
        while groups := list(takewhile(lambda asks: asks is not None, rest)):
            yield from self._looked_up([asks for asks in groups if asks is not None])

    def _looked_up(self, groups: Sequence[Sequence[Ask]]) -> Iterator[list[Response]]:
        """Yield the responses to each shard, after one look through the file for all of them."""
        prompts = [ask.prompt for asks in groups for ask in asks]
        with closing(sqlite3.connect("")) as store:
            store.execute("create table answers (prompt_id, sample, response)")
            store.executemany(
                "insert into answers values (?, ?, ?)",
                (
                    (response.prompt_id, response.sample, json.dumps(asdict(response)))
                    for response in self._responses(prompts)
                ),
            )
            store.execute("create index place on answers (prompt_id, sample)")
            for asks in groups:
                yield [response for ask in asks for response in _stored(store, ask)]

    def _responses(self, prompts: Sequence[Prompt]) -> Iterator[Response]:
        """Yield the responses to the prompts in the order of the file."""
        index = self._index(prompts)
        samples, matched, foreign = Counter[str](), 0, 0
        key: Key = (None, None)
        for where, row in self._rows():
            key = self._key(row, where)
            owners = self._owners(index, key, where)
            matched, foreign = matched + bool(owners), foreign + (not owners)
            answers = list(self._answers(row, where)) if owners else []
            for prompt, (place, answer) in product(owners, answers):
                sample = samples[prompt.prompt_id]
                if self.samples == 0 or sample < self.samples:
                    yield self._response(prompt, sample, answer, place)
                    samples[prompt.prompt_id] += 1
        if prompts and not matched:
            logger.warning(self._no_match(prompts[0], key))
        logger.info(
            "teacher '%s': %d answers to %d of %d prompts; %d rows of other prompts ignored",
            *(self.name, samples.total(), len(samples), len(prompts), foreign),
        )

    def _index(self, prompts: Sequence[Prompt]) -> dict[Key, list[Prompt]]:
        index: defaultdict[Key, list[Prompt]] = defaultdict(list)
        for prompt in prompts:
            question = None if self.question_column is None else prompt.question
            ids = [None] if self.prompt_id_column is None else _endings(prompt.prompt_id)
            for prompt_id in ids:
                index[prompt_id, question].append(prompt)
        return dict(index)

    def _key(self, row: Row, where: str) -> Key:
        names = (self.prompt_id_column, self.question_column)
        prompt_id, question = (name and text(row, name, where) for name in names)
        return prompt_id, question

    def _owners(self, index: dict[Key, list[Prompt]], key: Key, where: str) -> list[Prompt]:
        owners = index.get(key, [])
        if self.prompt_id_column is not None and len(owners) > 1:
            raise DataError(
                f"{where}: id '{key[0]}' fits {owners[0].prompt_id} and {owners[1].prompt_id}; "
                "wanted one prompt; write split/id in the file or set question_column"
            )
        return owners

    def _rows(self) -> Iterator[tuple[str, Row]]:
        if self.path is not None:
            return read_rows(Path(self.path))
        assert self.hub is not None
        return read_hub(
            self.hub,
            subset=self.subset,
            split=self.split,
            revision=self.revision,
            setting="teacher.path",
        )

    def _answers(self, row: Row, where: str) -> Iterator[tuple[str, Row]]:
        if self.responses_column is None:
            yield where, row
            return
        answers = column(row, self.responses_column, where)
        if not isinstance(answers, list):
            raise DataError(
                f"{where}: '{self.responses_column}' is {answers!r:.80}; wanted a list of answers; "
                "set teacher.responses_column to null where a row is one answer"
            )
        for number, answer in enumerate(answers):
            plain = isinstance(answer, str)
            fields = {**row, self.text_column: answer} if plain else answer
            if not isinstance(fields, dict):
                raise DataError(
                    f"{where}, answer {number}: {answer!r:.80}; wanted an object or text"
                )
            yield f"{where}, answer {number}", fields

    def _response(self, prompt: Prompt, sample: int, answer: Row, where: str) -> Response:
        tokens = _tokens(answer, self.tokens_column, where)
        total = _logprob(answer, self.logprob_sum_column, where)
        return Response(
            prompt_id=prompt.prompt_id,
            sample=sample,
            text=text(answer, self.text_column, where, blank=True),
            tokens=tokens,
            finish=_finish(answer, self.finish_column, where),
            logprob_sum=total,
            logprob_mean=total / tokens if total is not None and tokens else None,
            teacher=text(answer, self.teacher_column, where) if self.teacher_column else self.name,
        )

    def _no_match(self, prompt: Prompt, key: Key) -> str:
        return (
            f"teacher '{self.name}': no recorded row belongs to any of the prompts; "
            f"recorded: id {key[0]!r}, question {key[1]!r:.70}; "
            f"wanted: id {prompt.prompt_id!r}, question {prompt.question!r:.70}; "
            "correct teacher.path, prompt_id_column or question_column, or choose its data set"
        )


def _endings(prompt_id: str) -> list[str]:
    parts = prompt_id.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]


def _stored(store: sqlite3.Connection, ask: Ask) -> list[Response]:
    rows = store.execute(
        "select response from answers where prompt_id = ? and sample >= ? and sample < ? "
        "order by sample",
        (ask.prompt.prompt_id, ask.samples.start, ask.samples.stop),
    )
    return [_response(json.loads(stored)) for (stored,) in rows]


def _response(stored: Row) -> Response:
    return Response(**{**stored, "finish": Finish(stored["finish"])})


def _finish(answer: Row, name: str | None, where: str) -> Finish:
    value = None if name is None else column(answer, name, where)
    if value is None:
        return Finish.stop
    if value not in list(Finish):
        raise DataError(
            f"{where}: '{name}' is {value!r:.40}; wanted {', '.join(Finish)}; "
            "correct the row or set teacher.finish_column to null"
        )
    return Finish(value)


def _tokens(answer: Row, name: str | None, where: str) -> int | None:
    value = None if name is None else column(answer, name, where)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise DataError(f"{where}: '{name}' is {value!r:.40}; wanted a whole number or null")
    return value


def _logprob(answer: Row, name: str | None, where: str) -> float | None:
    value = None if name is None else column(answer, name, where)
    if value is None:
        return None
    if not isinstance(value, int | float) or not -inf < value <= 0:
        raise DataError(f"{where}: '{name}' is {value!r:.40}; wanted a number up to 0, or null")
    return float(value)
