"""ARC, grade-school science with three to five options, from the hub or a local folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill.dataset.choices import labelled_problem
from advdistill.dataset.problems import Part, Problem, check_sizes, files_of, prompts_of
from advdistill.dataset.published import Published
from advdistill.records import Prompt, Split
from advdistill.rows import Row


@dataclass(frozen=True, kw_only=True)
class Arc:
    """ARC (arXiv 1803.05457), with the splits that its authors made."""

    name: str
    hub: str
    subset: str
    """ARC-Challenge or ARC-Easy."""
    revision: str
    path: str | None
    """A local folder instead of the hub; it may hold many data sets."""
    train: int | None
    """How many training prompts; None takes all, as in the two below."""
    dev: int | None
    test: int | None
    seed: int
    """Of the choice among the prompts."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_sizes(self.name, {"train": self.train, "dev": self.dev, "test": self.test})

    def load(self) -> Iterator[Prompt]:
        """Yield the prompts of test, dev and train, each in the order of its source."""
        return prompts_of(self.name, self._parts(), _problem, seed=self.seed)

    def sources(self) -> Sequence[Path]:
        """Return the local files it reads."""
        return files_of(self._parts())

    def _parts(self) -> list[Part]:
        return [
            Part(source=self._source("test"), sizes={Split.test: self.test}),
            Part(source=self._source("validation"), sizes={Split.dev: self.dev}),
            Part(source=self._source("train"), sizes={Split.train: self.train}),
        ]

    def _source(self, split: str) -> Published:
        return Published(
            hub=self.hub,
            subsets=(self.subset,),
            split=split,
            revision=self.revision,
            folder=self.path,
            stem=self.subset,
        )


def _problem(row: Row, where: str) -> Problem:
    return labelled_problem(row, where, question="question")
