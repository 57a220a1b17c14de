"""What all data sets that are read share: ids, splits that no question crosses, bad rows."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from advdistill.dataset.problems import Part, Problem, check_sizes, files_of, prompts_of
from advdistill.errors import ConfigError, DataError
from advdistill.records import AnswerKind, Prompt, Split
from advdistill.rows import Row


class Rows:
    """Questions in memory, as a source."""

    def __init__(self, *questions: str) -> None:
        self.questions = questions

    def rows(self) -> Iterator[tuple[str, Row]]:
        for number, question in enumerate(self.questions, start=1):
            yield f"memory:{number}", {"question": question}

    def files(self) -> Sequence[Path]:
        return [Path(question) for question in self.questions]


class Absent(Rows):
    """A source that must not be read."""

    def rows(self) -> Iterator[tuple[str, Row]]:
        raise AssertionError

    files = rows


def read(row: Row, where: str) -> Problem | None:
    question = str(row["question"])
    if question == "unanswered":
        return None
    number = question.partition("#")[2] or None
    return Problem(question=question, answer=where, kind=AnswerKind.text, row_id=number)


def load(*parts: tuple[Rows, dict[Split, int | None]], seed: int = 0) -> list[Prompt]:
    made = [Part(source=source, sizes=sizes) for source, sizes in parts]
    return list(prompts_of("sums", made, read, seed=seed))


NUMBERED = Rows(*(f"q{number}" for number in range(20)))
ALL = {Split.test: None}, {Split.train: None}


def test_ids_hold_name_split_and_the_number_of_the_row():
    prompts = load((NUMBERED, {Split.test: 2, Split.dev: 3, Split.train: None}))
    assert [prompt.prompt_id.split("/")[2] for prompt in prompts] == [
        f"{number:05d}" for number in range(20)
    ]
    for number, prompt in enumerate(prompts):
        assert prompt.prompt_id.startswith(f"sums/{prompt.split}/")
        assert (prompt.question, prompt.answer) == (f"q{number}", f"memory:{number + 1}")


def test_an_id_of_the_row_takes_the_place_of_its_number():
    assert [prompt.prompt_id for prompt in load((Rows("a#x", "b"), {Split.test: None}))] == [
        "sums/test/x",
        "sums/test/00001",
    ]


def test_an_id_that_stands_twice_is_refused_with_both_places():
    with pytest.raises(DataError, match="id 'x' stands at memory:1 and at memory:3; wanted every"):
        load((Rows("a#x", "b", "c#x"), {Split.train: None}))


@pytest.mark.parametrize("repeated", ["q3", "Q3", " q3\n"])
def test_a_question_never_goes_to_two_splits(repeated: str):
    """Whatever is drawn: the copy follows its question."""
    twice = Rows(*NUMBERED.questions, repeated)
    for seed in range(30):
        prompts = load((twice, {Split.test: 7, Split.dev: 6, Split.train: None}), seed=seed)
        homes = {prompt.split for prompt in prompts if prompt.question.strip().lower() == "q3"}
        assert len(homes) == 1


def test_a_question_of_an_earlier_part_is_left_out_of_a_later_one(
    caplog: pytest.LogCaptureFixture,
):
    test, train = ALL
    with caplog.at_level(logging.WARNING):
        prompts = load((Rows("a", "b"), test), (Rows("B ", "c"), train))
    assert [prompt.prompt_id for prompt in prompts] == [
        "sums/test/00000",
        "sums/test/00001",
        "sums/train/00001",
    ]
    assert "dataset 'sums': 1 of 2 rows left out, an earlier split asks" in caplog.text


def test_train_does_not_depend_on_how_much_is_tested():
    def trained(size: int | None) -> list[Prompt]:
        prompts = load(
            (Rows("a", "b", "c"), {Split.test: size}), (Rows("b", "d"), {Split.train: None})
        )
        return [prompt for prompt in prompts if prompt.split is Split.train]

    assert trained(1) == trained(2) == trained(None)


def test_rows_without_a_gold_answer_are_left_out_and_keep_their_number(
    caplog: pytest.LogCaptureFixture,
):
    with caplog.at_level(logging.WARNING):
        prompts = load((Rows("unanswered", "b"), {Split.test: None}))
    assert [prompt.prompt_id for prompt in prompts] == ["sums/test/00001"]
    assert "1 rows without a gold answer left out: memory:1" in caplog.text


def test_a_source_that_no_split_wants_need_not_be_there():
    train = {Split.dev: 0, Split.train: 0}
    assert len(load((NUMBERED, {Split.test: None}), (Absent(), train))) == 20
    parts = [Part(source=Rows("f"), sizes={Split.test: 1}), Part(source=Absent(), sizes=train)]
    assert files_of(parts) == [Path("f")]


@pytest.mark.parametrize("sizes", [{"train": -1}, {"train": None, "dev": -1}, {"test": -5}])
def test_sizes_below_zero_are_refused(sizes: dict[str, int | None]):
    with pytest.raises(ConfigError, match=r"dataset 'sums': .*wanted none below 0, or null"):
        check_sizes("sums", sizes)
