"""From rows to prompts: what all data sets that are read have in common."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from advdistill.errors import ConfigError, DataError
from advdistill.records import AnswerKind, Prompt, Split
from advdistill.rows import Row, assign

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a row says: a prompt but for its id and its split."""

    question: str
    answer: str
    kind: AnswerKind
    choices: tuple[str, ...] | None = None
    subject: str | None = None
    row_id: str | None = None
    """The last part of the prompt's id; None numbers the rows of the source from 00000."""


Read = Callable[[Row, str], Problem | None]
"""Returns the problem of a row and its place; None where the row has no gold answer."""


class Source(Protocol):
    """Rows that are divided together."""

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Yield each row with its place."""
        ...

    def files(self) -> Sequence[Path]:
        """Return the local files it reads."""
        ...


@dataclass(frozen=True, kw_only=True)
class Part:
    """A source and how many of its rows each split takes; None takes the rest."""

    source: Source
    sizes: Mapping[Split, int | None]

    @property
    def wanted(self) -> bool:
        """False where no split takes a row, so that the source need not be there."""
        return any(size != 0 for size in self.sizes.values())


def check_sizes(name: str, sizes: Mapping[str, int | None]) -> None:
    """Do nothing where every size is null or at least 0.

    Raises:
        ConfigError: one is below 0.
    """
    if min(size or 0 for size in sizes.values()) < 0:
        found = ", ".join(f"{setting}={size}" for setting, size in sizes.items())
        raise ConfigError(
            f"dataset '{name}': {found}; wanted none below 0, or null for all there are"
        )


def files_of(parts: Sequence[Part]) -> list[Path]:
    """Return the local files that the parts read."""
    return [file for part in parts if part.wanted for file in part.source.files()]


def prompts_of(name: str, parts: Sequence[Part], read: Read, *, seed: int) -> Iterator[Prompt]:
    """Yield the prompts of each part, in the order of its rows.

    Prompts that ask the same question, whatever their options, never go to two splits: a question
    of an earlier part is left out of later ones, also where its prompt was not drawn there, so
    that a smaller test split does not move questions to train.

    Raises:
        DataError: a row is malformed, an id occurs twice, or a split asks for too many.
    """
    asked: set[str] = set()
    for part in parts:
        if part.wanted:
            problems = _fresh(name, _problems(name, part.source, read), asked)
            keys = [question_key(problem.question) for _, problem in problems]
            splits = assign(keys, part.sizes, seed=seed)
            for split, (row_id, problem) in zip(splits, problems, strict=True):
                if split is not None:
                    yield _prompt(name, split, row_id, problem)
            asked.update(keys)


def question_key(question: str) -> str:
    """Return what two questions share that differ in spacing and capitals alone."""
    return " ".join(question.split()).casefold()


def _problems(name: str, source: Source, read: Read) -> list[tuple[str, Problem]]:
    """Return the problems of the rows that have a gold answer, each with its id."""
    places: dict[str, str] = {}
    problems: list[tuple[str, Problem]] = []
    unanswered: list[str] = []
    for number, (where, row) in enumerate(source.rows()):
        try:
            problem = read(row, where)
        except DataError as error:
            raise DataError(f"dataset '{name}', problem {number:05d}: {error}") from error
        if problem is None:
            unanswered.append(where)
            continue
        row_id = problem.row_id or f"{number:05d}"
        if row_id in places:
            raise DataError(
                f"dataset '{name}': id '{row_id}' stands at {places[row_id]} and at {where}; "
                "wanted every id once; correct the rows or set dataset.id_column"
            )
        places[row_id] = where
        problems.append((row_id, problem))
    if unanswered:
        logger.warning(
            "dataset '%s': %d rows without a gold answer left out: %s",
            *(name, len(unanswered), ", ".join(unanswered[:5])),
        )
    return problems


def _fresh(
    name: str, problems: list[tuple[str, Problem]], asked: set[str]
) -> list[tuple[str, Problem]]:
    """Return the problems whose question was not asked before."""
    fresh = [pair for pair in problems if question_key(pair[1].question) not in asked]
    if len(fresh) < len(problems):
        logger.warning(
            "dataset '%s': %d of %d rows left out, an earlier split asks their question",
            *(name, len(problems) - len(fresh), len(problems)),
        )
    return fresh


def _prompt(name: str, split: Split, row_id: str, problem: Problem) -> Prompt:
    return Prompt(
        prompt_id=f"{name}/{split}/{row_id}",
        split=split,
        question=problem.question,
        answer=problem.answer,
        kind=problem.kind,
        choices=problem.choices,
        subject=problem.subject,
    )
