"""Any local JSON Lines or Parquet file as a data set, by the names of its columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill.answers import LETTERS
from advdistill.dataset.choices import letter_of, option_texts
from advdistill.dataset.problems import Part, Problem, check_sizes, files_of, prompts_of
from advdistill.dataset.published import LocalFiles
from advdistill.errors import ConfigError, DataError
from advdistill.records import AnswerKind, Prompt, Split
from advdistill.rows import Row, text


@dataclass(frozen=True, kw_only=True)
class Jsonl:
    """Local files of problems; a split without a file is taken out of train by a hash."""

    name: str
    train_path: str
    dev_path: str | None
    test_path: str | None
    question_column: str
    answer_column: str
    """Where there are options, holds the letter or the text of the right one."""
    id_column: str | None
    """None numbers the rows of each path, from 00000."""
    choices_column: str | None
    """Holds a list of text, or an object from letter to text."""
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
        sizes = {"train": self.train, "dev": self.dev, "test": self.test, "holdout": self.holdout}
        check_sizes(self.name, sizes)
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
        return prompts_of(self.name, self._parts(), self._problem, seed=self.seed)

    def sources(self) -> Sequence[Path]:
        """Return the files or folders of the splits."""
        return files_of(self._parts())

    def _parts(self) -> list[Part]:
        taken = {Split.test: self.holdout, Split.dev: self.dev, Split.train: self.train}
        paths = [
            (self.test_path, {Split.test: self.test}),
            (self.dev_path, {Split.dev: None}),
            (self.train_path, taken),
        ]
        return [
            Part(source=LocalFiles(paths=(Path(path),)), sizes=sizes)
            for path, sizes in paths
            if path is not None
        ]

    def _problem(self, row: Row, where: str) -> Problem:
        identity, subject = self.id_column, self.subject_column
        choices = self.choices_column and option_texts(row, self.choices_column, where)
        return Problem(
            question=text(row, self.question_column, where),
            answer=self._answer(row, choices or (), where),
            kind=self.kind,
            choices=choices or None,
            subject=None if subject is None else text(row, subject, where),
            row_id=None if identity is None else text(row, identity, where),
        )

    def _answer(self, row: Row, choices: Sequence[str], where: str) -> str:
        answer = text(row, self.answer_column, where)
        if self.kind is not AnswerKind.choice or not choices:
            return answer
        if not isinstance(row[self.answer_column], str):
            raise DataError(
                f"{where}: '{self.answer_column}' is the number {answer}, which may count from 0 "
                "or from 1; wanted the letter or the text of an option; write the letter"
            )
        letters = LETTERS[: len(choices)]
        label = answer.strip()
        return letter_of(label, list(letters if label in letters else choices), where)
