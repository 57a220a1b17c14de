"""Any local JSON Lines or Parquet file as a data set, by the names of its columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill.errors import ConfigError, DataError
from advdistill.records import AnswerKind, Prompt, Split
from advdistill.rows import Row, assign, column, draw, read_rows, text


@dataclass(frozen=True, kw_only=True)
class Jsonl:
    """Local files of problems; a split without a file is taken out of train by a hash of the id."""

    name: str
    train_path: str
    dev_path: str | None
    test_path: str | None
    question_column: str
    answer_column: str
    id_column: str | None
    """None numbers the rows of each path, from 00000."""
    choices_column: str | None
    """Holds a list of text."""
    subject_column: str | None
    kind: AnswerKind
    train: int | None
    """How many training prompts; None takes all that dev and holdout leave."""
    dev: int
    """Prompts taken out of train_path for dev where dev_path is null."""
    test: int | None
    """How many prompts of test_path; None takes all."""
    holdout: int
    """Prompts taken out of train_path for test where test_path is null."""
    seed: int
    """Of the choice among the prompts."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.train == 0 or min(self.train or 0, self.dev, self.test or 0, self.holdout) < 0:
            raise ConfigError(
                f"dataset '{self.name}': train={self.train}, dev={self.dev}, test={self.test}, "
                f"holdout={self.holdout}; wanted train >= 1 and none below 0, or null for all"
            )
        if self.dev_path is not None and self.dev:
            raise ConfigError(
                f"dataset '{self.name}': dev={self.dev} and dev_path are both set; set dev=0"
            )
        if self.test_path is not None and self.holdout:
            raise ConfigError(
                f"dataset '{self.name}': holdout={self.holdout} and test_path are both set; "
                "set holdout=0 and, for fewer test prompts, test"
            )
        if self.test_path is None and self.test is not None:
            raise ConfigError(
                f"dataset '{self.name}': test={self.test} without test_path; "
                "set holdout to take test prompts out of train_path"
            )

    def load(self) -> Iterator[Prompt]:
        """Yield the prompts of test_path, dev_path and train_path, in the order of the rows."""
        if self.test_path is not None:
            ids = draw(self._ids(self.test_path), self.test, seed=self.seed, split=Split.test)
            yield from self._prompts(self.test_path, dict.fromkeys(ids, Split.test))
        if self.dev_path is not None:
            ids = self._ids(self.dev_path)
            yield from self._prompts(self.dev_path, dict.fromkeys(ids, Split.dev))
        yield from self._prompts(
            self.train_path,
            assign(
                self._ids(self.train_path),
                test=self.holdout,
                dev=self.dev,
                train=self.train,
                seed=self.seed,
            ),
        )

    def sources(self) -> Sequence[Path]:
        """Return the files or folders of the splits."""
        paths = (self.train_path, self.dev_path, self.test_path)
        return [Path(path) for path in paths if path is not None]

    def _ids(self, path: str) -> list[str]:
        places: dict[str, str] = {}
        for row_id, where, _ in self._rows(path):
            if row_id in places:
                raise DataError(
                    f"dataset '{self.name}': id '{row_id}' stands at {places[row_id]} and at "
                    f"{where}; wanted every id once; correct the rows or set dataset.id_column"
                )
            places[row_id] = where
        return list(places)

    def _rows(self, path: str) -> Iterator[tuple[str, str, Row]]:
        for number, (where, row) in enumerate(read_rows(Path(path))):
            name = self.id_column
            yield f"{number:05d}" if name is None else text(row, name, where), where, row

    def _prompts(self, path: str, splits: dict[str, Split]) -> Iterator[Prompt]:
        for row_id, where, row in self._rows(path):
            if row_id in splits:
                split, subject = splits[row_id], self.subject_column
                yield Prompt(
                    prompt_id=f"{self.name}/{split}/{row_id}",
                    split=split,
                    question=text(row, self.question_column, where),
                    answer=text(row, self.answer_column, where),
                    kind=self.kind,
                    choices=self._choices(row, where),
                    subject=None if subject is None else text(row, subject, where),
                )

    def _choices(self, row: Row, where: str) -> tuple[str, ...] | None:
        if self.choices_column is None:
            return None
        choices = column(row, self.choices_column, where)
        if not isinstance(choices, list) or len(choices) < 2:
            raise DataError(
                f"{where}: '{self.choices_column}' is {choices!r:.80}; "
                "wanted a list of at least two texts; correct the row"
            )
        numbered = {str(number): choice for number, choice in enumerate(choices)}
        return tuple(text(numbered, number, f"{where}, choice") for number in numbered)
