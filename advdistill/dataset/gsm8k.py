"""GSM8K, grade-school story problems with numeric answers, from the hub or a local folder."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill.errors import ConfigError, DataError
from advdistill.records import AnswerKind, Prompt, Split
from advdistill.rows import Row, assign, data_files, draw, read_hub, read_rows, text

SHARD = r"-\d+-of-\d+"


@dataclass(frozen=True, kw_only=True)
class Gsm8k:
    """GSM8K (arXiv 2110.14168); dev is taken out of its train split by a hash of the question."""

    name: str
    hub: str
    subset: str
    revision: str
    path: str | None
    """A folder with one file (or shards) for train and one for test; instead of the hub."""
    train: int | None
    """How many training prompts; None takes all that dev leaves."""
    dev: int
    test: int | None
    seed: int
    """Of the choice among the prompts."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.train == 0 or min(self.train or 0, self.dev, self.test or 0) < 0:
            raise ConfigError(
                f"dataset '{self.name}': train={self.train}, dev={self.dev}, test={self.test}; "
                "wanted train >= 1 and none below 0, or null for all"
            )

    def load(self) -> Iterator[Prompt]:
        """Yield the prompts of test, then those of dev and train in the order of the source."""
        if self.test != 0:
            problems = list(self._problems(Split.test))
            chosen = draw(_questions(problems), self.test, seed=self.seed, split=Split.test)
            yield from self._prompts(problems, dict.fromkeys(chosen, Split.test))
        problems = list(self._problems(Split.train))
        yield from self._prompts(
            problems,
            assign(_questions(problems), test=0, dev=self.dev, train=self.train, seed=self.seed),
        )

    def sources(self) -> Sequence[Path]:
        """Return the local folder, if there is one."""
        return [] if self.path is None else [Path(self.path)]

    def _problems(self, source: Split) -> Iterator[tuple[int, str, str]]:
        for number, (where, row) in enumerate(self._rows(source)):
            problem_id = f"{self.name}/{source}/{number:05d} ({where})"
            yield number, text(row, "question", where), _gold(row, where, problem_id)

    def _rows(self, source: Split) -> Iterator[tuple[str, Row]]:
        if self.path is not None:
            return (
                pair for file in split_files(Path(self.path), source) for pair in read_rows(file)
            )
        return read_hub(
            self.hub,
            subset=self.subset,
            split=source,
            revision=self.revision,
            setting="dataset.path",
        )

    def _prompts(
        self, problems: Sequence[tuple[int, str, str]], splits: dict[str, Split]
    ) -> Iterator[Prompt]:
        for number, question, gold in problems:
            if question in splits:
                yield Prompt(
                    prompt_id=f"{self.name}/{splits[question]}/{number:05d}",
                    split=splits[question],
                    question=question,
                    answer=gold,
                    kind=AnswerKind.number,
                )


def split_files(folder: Path, split: Split) -> list[Path]:
    """Return the file or shards of a split: named `train` or `gsm8k_train`, else containing it.

    Raises:
        DataError: no file fits, or several do that are not shards of one.
    """
    files = [file for file in data_files(folder) if split in file.name]
    plain = re.compile(rf"(gsm8k[-_])?(main[-_])?{split}({SHARD})?\.")
    chosen = [file for file in files if plain.match(file.name)] or files
    whole = [file for file in chosen if not re.search(SHARD, file.name)]
    if not chosen or (whole and len(chosen) > 1):
        found = ", ".join(file.name for file in chosen) or "none"
        raise DataError(
            f"{folder}: files of the {split} split: {found}; wanted one, or shards of one; "
            f"name it gsm8k_{split}.jsonl"
        )
    return chosen


def _questions(problems: Sequence[tuple[int, str, str]]) -> list[str]:
    return [question for _, question, _ in problems]


def _gold(row: Row, where: str, problem_id: str) -> str:
    _, marker, after = text(row, "answer", where).rpartition("####")
    gold = after.strip().replace(",", "")
    if not marker or not gold:
        raise DataError(
            f"{problem_id}: the answer has no number after ####; wanted `#### 18`; correct the row"
        )
    return gold
