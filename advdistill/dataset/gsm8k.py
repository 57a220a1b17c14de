"""GSM8K, grade-school story problems with numeric answers, from the hub or a local folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill.dataset.problems import Part, Problem, check_sizes, files_of, prompts_of
from advdistill.dataset.published import Published
from advdistill.errors import DataError
from advdistill.records import AnswerKind, Prompt, Split
from advdistill.rows import Row, text


@dataclass(frozen=True, kw_only=True)
class Gsm8k:
    """GSM8K (arXiv 2110.14168); dev is taken out of its train split by a hash of the question."""

    name: str
    hub: str
    subset: str
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
        return [
            Part(source=self._source("test"), sizes={Split.test: self.test}),
            Part(
                source=self._source("train"), sizes={Split.dev: self.dev, Split.train: self.train}
            ),
        ]

    def _source(self, split: str) -> Published:
        return Published(
            hub=self.hub,
            subsets=(self.subset,),
            split=split,
            revision=self.revision,
            folder=self.path,
            stem="gsm8k",
        )


def _problem(row: Row, where: str) -> Problem:
    _, marker, after = text(row, "answer", where).rpartition("####")
    gold = after.strip().replace(",", "")
    if not marker or not gold:
        raise DataError(
            f"{where}: the answer has no number after ####; wanted `#### 18`; correct the row"
        )
    return Problem(question=text(row, "question", where), answer=gold, kind=AnswerKind.number)
