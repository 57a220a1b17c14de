"""MMLU-Pro, knowledge and reasoning with up to ten options, from the hub or a local folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from advdistill.answers import LETTERS
from advdistill.dataset.choices import letter_of, option_texts
from advdistill.dataset.problems import Part, Problem, check_sizes, files_of, prompts_of
from advdistill.dataset.published import Published
from advdistill.errors import ConfigError
from advdistill.records import AnswerKind, Prompt, Split
from advdistill.rows import Row, text


class MmluProTrain(StrEnum):
    """Which of MMLU-Pro's two splits dev and train are taken from."""

    test = "test"
    """12,032 questions; what dev and train take is no longer tested on."""
    validation = "validation"
    """70 questions."""


@dataclass(frozen=True, kw_only=True)
class MmluPro:
    """MMLU-Pro (arXiv 2406.01574), which has no train split: one is taken by a hash."""

    name: str
    hub: str
    revision: str
    path: str | None
    """A local folder instead of the hub; it may hold many data sets."""
    train_from: MmluProTrain
    train: int | None
    """How many training prompts; None takes all that the others leave."""
    dev: int
    test: int | None
    """None, possible where train_from is validation, takes all."""
    seed: int
    """Of the choice among the prompts."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_sizes(self.name, {"train": self.train, "dev": self.dev, "test": self.test})
        if (
            self.train_from is MmluProTrain.test
            and self.test is None
            and (self.train, self.dev) != (0, 0)
        ):
            raise ConfigError(
                f"dataset '{self.name}': test=null takes all of the split that train_from names; "
                "wanted some left for train; give test=2000, or train_from=validation"
            )

    def load(self) -> Iterator[Prompt]:
        """Yield the prompts in the order of their source."""
        return prompts_of(self.name, self._parts(), _problem, seed=self.seed)

    def sources(self) -> Sequence[Path]:
        """Return the local files it reads."""
        return files_of(self._parts())

    def _parts(self) -> list[Part]:
        tested = {Split.test: self.test}
        trained = {Split.dev: self.dev, Split.train: self.train}
        if self.train_from is MmluProTrain.test:
            return [Part(source=self._source("test"), sizes={**tested, **trained})]
        return [
            Part(source=self._source("test"), sizes=tested),
            Part(source=self._source("validation"), sizes=trained),
        ]

    def _source(self, split: str) -> Published:
        return Published(
            hub=self.hub,
            subsets=(None,),
            split=split,
            revision=self.revision,
            folder=self.path,
            stem="mmlu_pro",
        )


def _problem(row: Row, where: str) -> Problem:
    options = list(option_texts(row, "options", where, fewest=1))  # seven rows have one or two
    while len(options) > 1 and options[-1] == "N/A":  # some releases fill up to ten with it
        options.pop()
    letters = LETTERS[: len(options)]
    return Problem(
        question=text(row, "question", where),
        answer=letter_of(text(row, "answer", where), list(letters), where),
        kind=AnswerKind.choice,
        choices=tuple(options),
        subject=text(row, "category", where),
    )
