"""MATH-500, the part of MATH's test split that most reports measure, with MATH's train split."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill.dataset.math import math_problem, math_source
from advdistill.dataset.problems import Part, check_sizes, files_of, prompts_of
from advdistill.dataset.published import Published
from advdistill.records import Prompt, Split


@dataclass(frozen=True, kw_only=True)
class Math500:
    """MATH-500 (arXiv 2305.20050) as test; dev and train are MATH's train split without it."""

    name: str
    hub: str
    revision: str
    train_hub: str
    train_revision: str
    path: str | None
    """A local folder instead of both; it may hold many data sets."""
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
        test = Published(
            hub=self.hub,
            subsets=(None,),
            split="test",
            revision=self.revision,
            folder=self.path,
            stem="math500",
        )
        train = math_source(
            "train", hub=self.train_hub, revision=self.train_revision, folder=self.path
        )
        return [
            Part(source=test, sizes={Split.test: self.test}),
            Part(source=train, sizes={Split.dev: self.dev, Split.train: self.train}),
        ]
