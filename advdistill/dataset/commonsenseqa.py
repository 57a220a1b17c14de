"""CommonsenseQA, everyday knowledge with five options, from the hub or a local folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill.dataset.choices import labelled_problem
from advdistill.dataset.problems import Part, Problem, check_sizes, files_of, prompts_of
from advdistill.dataset.published import Published
from advdistill.records import Prompt, Split
from advdistill.rows import Row


@dataclass(frozen=True, kw_only=True)
class CommonsenseQa:
    """CommonsenseQA (arXiv 1811.00937).

    The labels of its test split are not public, so that test is its validation split, as in most
    reports, and dev is taken out of its train split.
    """

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
        return prompts_of(self.name, self._parts(), _problem, seed=self.seed)

    def sources(self) -> Sequence[Path]:
        """Return the local files it reads."""
        return files_of(self._parts())

    def _parts(self) -> list[Part]:
        train = self._source("train", other="train_rand_split")
        return [
            Part(
                source=self._source("validation", other="dev_rand_split"),
                sizes={Split.test: self.test},
            ),
            Part(source=train, sizes={Split.dev: self.dev, Split.train: self.train}),
        ]

    def _source(self, split: str, *, other: str) -> Published:
        return Published(
            hub=self.hub,
            subsets=(None,),
            split=split,
            revision=self.revision,
            folder=self.path,
            stem="commonsenseqa",
            others=(other,),
        )


def _problem(row: Row, where: str) -> Problem:
    return labelled_problem(row, where, question="question")
