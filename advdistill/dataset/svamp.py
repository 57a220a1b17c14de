"""SVAMP, arithmetic story problems with irrelevant numbers, from the hub or a local folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill.dataset.problems import Part, Problem, check_sizes, files_of, prompts_of
from advdistill.dataset.published import LocalFiles, Published, stemmed
from advdistill.records import AnswerKind, Prompt, Split
from advdistill.rows import Row, text


@dataclass(frozen=True, kw_only=True)
class Svamp:
    """SVAMP (arXiv 2103.07191); dev is taken out of the hub's train split.

    A local folder may hold it as its authors published it, as one file without splits: all three
    are then taken out of that, by a hash of the question.
    """

    name: str
    hub: str
    revision: str
    path: str | None
    """A local folder instead of the hub; it may hold many data sets."""
    train: int | None
    """How many training prompts; None takes all that the others leave."""
    dev: int
    test: int
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
        tested = {Split.test: self.test}
        trained = {Split.dev: self.dev, Split.train: self.train}
        if whole := self._whole():
            return [Part(source=LocalFiles(paths=whole), sizes={**tested, **trained})]
        return [
            Part(source=self._source("test"), sizes=tested),
            Part(source=self._source("train"), sizes=trained),
        ]

    def _whole(self) -> tuple[Path, ...]:
        folders = [] if self.path is None else [Path(self.path)]
        return tuple(
            file
            for folder in folders
            for stem in ("svamp", "SVAMP")
            for file in stemmed(folder, stem)
        )

    def _source(self, split: str) -> Published:
        return Published(
            hub=self.hub,
            subsets=(None,),
            split=split,
            revision=self.revision,
            folder=self.path,
            stem="svamp",
        )


def _problem(row: Row, where: str) -> Problem:
    body = text(row, "Body", where).strip()
    stop = "." if body[-1].isalnum() else ""  # a third of the bodies lack their full stop
    return Problem(
        question=f"{body}{stop} {text(row, 'Question', where).strip()}",
        answer=text(row, "Answer", where).strip().removesuffix(".0"),
        kind=AnswerKind.number,
        subject=text(row, "Type", where),
    )
