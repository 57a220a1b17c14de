"""Puts answers of elsewhere into a store: each finds its prompt, and a number that is free."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from itertools import count, islice
from pathlib import Path

from advdistill.errors import DataError
from advdistill.interfaces import EVERY
from advdistill.pool.keys import Question
from advdistill.pool.reading import Answer
from advdistill.pool.shards import Stored
from advdistill.pool.store import Store, open_store
from advdistill.records import Finish

_PROMPTS_AT_ONCE = 256


@dataclass(kw_only=True)
class Imported:
    """What became of the answers of a file: `read` is the sum of the other counts."""

    read: int = 0
    added: int = 0
    there: int = 0
    """Were in the store already."""
    foreign: int = 0
    """Of other prompts, or of one that cannot be told from another."""
    missing: int = 0
    """Requests without an answer."""
    shifted: int = 0
    """Of those added, how many have another number than in the file, where theirs was taken."""
    first_foreign: Answer | None = None

    @property
    def matched(self) -> int:
        """How many belong to one of the prompts."""
        return self.read - self.foreign - self.missing


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where answers go."""

    folder: Path
    about: Mapping[str, object]
    questions: Sequence[Question]
    teacher: str
    """Who gave those that do not say whose they are."""


def import_answers(place: Place, answers: Iterable[Answer | None]) -> Imported:
    """Add the answers that belong to the prompts; nothing is touched before all have been read.

    The answers to a prompt keep their numbers, or their order where they have none. If another
    answer stands at one of these, all of them move up until none is in the way, so that a file
    that is read again, whole or after a kill, adds nothing twice.

    Raises:
        DataError: an answer stands in the file twice, or comes from a store of other settings.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as index:
        importing = _Importing(place=place, waiting=index)
        importing.wait(_Prompts.of(place.questions), answers)
        if importing.counts.matched:
            with open_store(place.folder, place.about) as store:
                rest = iter(place.questions)
                while part := list(islice(rest, _PROMPTS_AT_ONCE)):
                    importing.add(part, store)
        return importing.counts


@dataclass(kw_only=True)
class _Prompts:
    """The prompts by everything that an answer may know of its own."""

    by_key: Mapping[str, Question]
    by_id: Mapping[str, Question]
    by_asked: Mapping[str, Sequence[Question]]
    by_text: Mapping[str, Sequence[Question]]

    @classmethod
    def of(cls, questions: Sequence[Question]) -> _Prompts:
        by_asked: defaultdict[str, list[Question]] = defaultdict(list)
        by_text: defaultdict[str, list[Question]] = defaultdict(list)
        for one in questions:
            by_asked[one.asked].append(one)
            by_text[one.prompt.question].append(one)
        return cls(
            by_key={one.key: one for one in questions},
            by_id={one.prompt.prompt_id: one for one in questions},
            by_asked=by_asked,
            by_text=by_text,
        )

    def owner(self, answer: Answer) -> Question | None:
        """Return the prompt that reads as the answer's does; of several, the one with its id.

        An id alone decides only where the answer does not say what was asked.
        """
        if answer.key is not None and answer.key in self.by_key:
            return self.by_key[answer.key]
        named = None if answer.prompt_id is None else self.by_id.get(answer.prompt_id)
        if answer.asked is not None:
            alike = self.by_asked.get(answer.asked, ())
        elif answer.question is not None:
            alike = self.by_text.get(answer.question, ())
        else:
            return named
        if named in alike:
            return named
        return alike[0] if len(alike) == 1 else None


@dataclass(kw_only=True)
class _Importing:
    place: Place
    waiting: sqlite3.Connection
    """The answers of the file, until all of one prompt are known."""
    counts: Imported = field(default_factory=Imported)

    def wait(self, prompts: _Prompts, answers: Iterable[Answer | None]) -> None:
        """Take the answers of the file; those of a prompt may stand anywhere in it."""
        self.waiting.execute(
            "create table answers (key text, sample int, place text, row text, "
            "primary key (key, sample))"
        )
        self.waiting.execute("begin")
        unnumbered: Counter[str] = Counter()
        for answer in answers:
            self.counts.read += 1
            if answer is None:
                self.counts.missing += 1
                continue
            self._check_store(answer)
            owner = prompts.owner(answer)
            if owner is None:
                self.counts.foreign += 1
                self.counts.first_foreign = self.counts.first_foreign or answer
                continue
            sample = answer.sample
            if sample is None:
                sample = unnumbered[owner.key]
                unnumbered[owner.key] += 1
            self._hold(self._stored(owner, answer, sample), answer.where)
        self.waiting.execute("commit")

    def add(self, questions: Sequence[Question], store: Store) -> None:
        """Add what waits for these prompts."""
        blocks = [found for one in questions if (found := self._waiting(one.key))]
        left = sum(map(len, blocks))
        while fresh := _fresh(blocks, store):
            added = store.add([row for row, _ in fresh])
            self.counts.added += added
            left -= added
            if added == len(fresh):
                self.counts.shifted += sum(shifted for _, shifted in fresh)
                break  # else another process took one of the numbers meanwhile
        self.counts.there += left

    def _check_store(self, answer: Answer) -> None:
        own = self.place.folder.name
        if answer.store not in (None, own):
            raise DataError(
                f"{answer.where}: was exported from the store {answer.store}, whose teacher or "
                f"settings are others than those of {own}, where it would go; "
                "give the settings of that store (see the columns setting_*), or drop the column "
                "store if you know that they come to the same"
            )

    def _hold(self, row: Stored, where: str) -> None:
        try:
            self.waiting.execute(
                "insert into answers values (?, ?, ?, ?)",
                [row.key, row.sample, where, json.dumps(asdict(row))],
            )
        except sqlite3.IntegrityError as error:
            [(first,)] = self.waiting.execute(
                "select place from answers where key = ? and sample = ?", [row.key, row.sample]
            )
            raise DataError(
                f"{where}: answer {row.sample} to {row.prompt_id} stands at {first}, too; wanted "
                "each once; remove one, or the column of the numbers to take both"
            ) from error

    def _stored(self, owner: Question, answer: Answer, sample: int) -> Stored:
        return Stored(
            key=owner.key,
            sample=sample,
            asked=owner.asked,
            prompt_id=owner.prompt.prompt_id,
            text=answer.text,
            tokens=answer.tokens,
            finish=answer.finish,
            logprob_sum=answer.logprob_sum,
            logprob_mean=answer.logprob_mean,
            teacher=answer.teacher or self.place.teacher,
        )

    def _waiting(self, key: str) -> list[Stored]:
        found = self.waiting.execute(
            "select row from answers where key = ? order by sample", [key]
        ).fetchall()
        return [_row(json.loads(row)) for (row,) in found]


def _fresh(blocks: Sequence[Sequence[Stored]], store: Store) -> list[tuple[Stored, bool]]:
    """Return the rows that the store lacks, each with whether its number has moved."""
    kept = store.rows([(block[0].key, EVERY) for block in blocks])
    fresh: list[tuple[Stored, bool]] = []
    for block, rows in zip(blocks, kept, strict=True):
        there = {row.sample: row for row in rows}
        shift = _shift(block, there)
        fresh.extend(
            (replace(row, sample=row.sample + shift), shift > 0)
            for row in block
            if row.sample + shift not in there
        )
    return fresh


def _shift(block: Sequence[Stored], there: Mapping[int, Stored]) -> int:
    """Return how far the numbers must move until no other answer stands at one of them."""
    return next(
        shift
        for shift in count()
        if all(_said(there.get(row.sample + shift, row)) == _said(row) for row in block)
    )


def _said(row: Stored) -> tuple[object, ...]:
    """Return what makes two answers to one prompt the same."""
    return row.text, row.finish, row.tokens, row.logprob_sum, row.teacher


def _row(held: dict[str, object]) -> Stored:
    return Stored(**{**held, "finish": Finish(held["finish"])})  # type: ignore[arg-type]
