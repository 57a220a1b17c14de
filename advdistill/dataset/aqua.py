"""AQuA-RAT, algebra story problems with five options, from the hub or a local folder."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from advdistill.answers import LETTERS
from advdistill.dataset.choices import letter_of, option_texts
from advdistill.dataset.problems import Part, Problem, check_sizes, files_of, prompts_of
from advdistill.dataset.published import Published
from advdistill.errors import ConfigError, DataError
from advdistill.records import AnswerKind, Prompt, Split
from advdistill.rows import Row, text


class AquaTrain(StrEnum):
    """Which of AQuA-RAT's splits train is taken from."""

    train = "train"
    """97,467 questions."""
    dev = "dev"
    """254 questions, for folders that lack the train split; dev takes its share first."""


@dataclass(frozen=True, kw_only=True)
class Aqua:
    """AQuA-RAT (arXiv 1705.04146), with the splits that its authors made."""

    name: str
    hub: str
    subset: str
    revision: str
    path: str | None
    """A local folder instead of the hub; it may hold many data sets."""
    train_from: AquaTrain
    train: int | None
    """How many training prompts; None takes all."""
    dev: int | None
    """None, possible where train_from is train, takes all."""
    test: int | None
    seed: int
    """Of the choice among the prompts."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_sizes(self.name, {"train": self.train, "dev": self.dev, "test": self.test})
        if self.train_from is AquaTrain.dev and self.dev is None and self.train != 0:
            raise ConfigError(
                f"dataset '{self.name}': dev=null takes all of the split that train_from names; "
                "wanted some left for train; give dev=50, or train_from=train"
            )

    def load(self) -> Iterator[Prompt]:
        """Yield the prompts of test, dev and train, each in the order of its source."""
        return prompts_of(self.name, self._parts(), _problem, seed=self.seed)

    def sources(self) -> Sequence[Path]:
        """Return the local files it reads."""
        return files_of(self._parts())

    def _parts(self) -> list[Part]:
        test = Part(source=self._source("test"), sizes={Split.test: self.test})
        held = {Split.dev: self.dev}
        trained = {Split.train: self.train}
        if self.train_from is AquaTrain.dev:
            return [test, Part(source=self._source("validation"), sizes={**held, **trained})]
        return [
            test,
            Part(source=self._source("validation"), sizes=held),
            Part(source=self._source("train"), sizes=trained),
        ]

    def _source(self, split: str) -> Published:
        return Published(
            hub=self.hub,
            subsets=(self.subset,),
            split=split,
            revision=self.revision,
            folder=self.path,
            stem="aqua",
        )


_OPTION = re.compile(r"\s*(?P<letter>[A-Z])\s*\)(?P<text>.*)", re.DOTALL)


def _problem(row: Row, where: str) -> Problem:
    written = option_texts(row, "options", where)
    options = [_OPTION.fullmatch(option) for option in written]
    letters = [option["letter"] if option else "" for option in options]
    if letters != list(LETTERS[: len(letters)]):
        raise DataError(
            f"{where}: the options are {list(written)!r:.120}; wanted `A)21` and on; "
            "correct the row"
        )
    return Problem(
        question=text(row, "question", where),
        answer=letter_of(text(row, "correct", where), letters, where),
        kind=AnswerKind.choice,
        choices=tuple(option["text"].strip() for option in options if option),
    )
