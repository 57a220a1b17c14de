"""MATH, competition problems whose answer stands in a box, from the hub or a local folder."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill.dataset.problems import Part, Problem, check_sizes, files_of, prompts_of
from advdistill.dataset.published import Published
from advdistill.errors import DataError
from advdistill.records import AnswerKind, Prompt, Split
from advdistill.rows import Row, text

SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)
"""The hub's subsets; they are read in this order."""


@dataclass(frozen=True, kw_only=True)
class Math:
    """MATH (arXiv 2103.03874); dev is taken out of its train split by a hash of the question."""

    name: str
    hub: str
    revision: str
    path: str | None
    """A local folder instead of the hub; it may hold many data sets."""
    train: int | None
    """How many training prompts; None takes all that dev leaves."""
    dev: int
    test: int | None
    seed: int
    """Of the choice among the prompts."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_sizes(self.name, {"train": self.train, "dev": self.dev, "test": self.test})

    def load(self) -> Iterator[Prompt]:
        """Yield the prompts of test, then those of dev and train in the order of the source."""
        return prompts_of(self.name, self._parts(), math_problem, seed=self.seed)

    def sources(self) -> Sequence[Path]:
        """Return the local files it reads."""
        return files_of(self._parts())

    def _parts(self) -> list[Part]:
        train, test = (
            math_source(split, hub=self.hub, revision=self.revision, folder=self.path)
            for split in ("train", "test")
        )
        return [
            Part(source=test, sizes={Split.test: self.test}),
            Part(source=train, sizes={Split.dev: self.dev, Split.train: self.train}),
        ]


def math_source(split: str, *, hub: str, revision: str, folder: str | None) -> Published:
    """Return a split of MATH, all subjects of it."""
    return Published(
        hub=hub,
        subsets=SUBJECTS,
        split=split,
        revision=revision,
        folder=folder,
        stem="math",
        others=(f"math_{split}_answers",),
    )


def math_problem(row: Row, where: str) -> Problem | None:
    """Return the problem of a row of MATH or MATH-500; None where its answer is blank.

    Raises:
        DataError: a column is missing or blank, or the solution has no box.
    """
    gold = _gold(row, where)
    if not gold:
        return None
    subject = "subject" if "subject" in row else "type"
    return Problem(
        question=text(row, "problem", where),
        answer=gold,
        kind=AnswerKind.math,
        subject=text(row, subject, where),
    )


def last_box(solution: str) -> str | None:
    r"""Return the content of the last `\boxed{}` or `\fbox{}`; None where none is closed."""
    start = max(solution.rfind("\\boxed"), solution.rfind("\\fbox"))
    content = _BOX.match(solution, start) if start >= 0 else None
    if content is None:
        return None
    if not content["brace"]:  # `\boxed 2$`, as some solutions have it
        return content["bare"].strip()
    depth = 1
    for mark in _BRACE.finditer(solution, content.end()):
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if depth == 0:
            return solution[content.end() : mark.start()].strip()
    return None


_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?:(?P<brace>\{)|(?P<bare>[^\s{$][^$\n]*))")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def _gold(row: Row, where: str) -> str:
    if "answer" in row:
        return "" if row["answer"] is None else text(row, "answer", where, blank=True).strip()
    gold = last_box(text(row, "solution", where))
    if gold is None:
        raise DataError(
            f"{where}: the solution has no closed \\boxed{{}}; wanted the answer in one; "
            "correct the row"
        )
    return gold
