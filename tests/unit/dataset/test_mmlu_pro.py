"""MMLU-Pro: any number of options, train taken out of test or of validation."""

from collections import Counter
from pathlib import Path

import pytest

from advdistill.dataset.mmlu_pro import MmluProTrain
from advdistill.errors import ConfigError, DataError
from advdistill.records import AnswerKind, Prompt, Split
from tests.unit.dataset.building import built, load, write

NAMES = list("zyxwvutsrq")


def row(number: int, options: list[str] = NAMES, answer: str = "B") -> dict[str, object]:
    return {
        "question_id": 70 + number,
        "question": f"Which letter comes {number} before the last?",
        "options": options,
        "answer": answer,
        "answer_index": "ABCDEFGHIJ".index(answer),
        "category": "other",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "data/test-00000-of-00001.parquet", [row(number) for number in range(20)])
    write(
        tmp_path / "data/validation-00000-of-00001.parquet",
        [row(number) for number in (18, 30, 31)],
    )
    return tmp_path


def test_train_is_what_test_and_dev_leave(folder: Path):
    prompts = load("mmlu_pro", path=folder, test=8, dev=2)
    assert Counter(prompt.split for prompt in prompts) == {"test": 8, "dev": 2, "train": 10}
    number = int(prompts[0].prompt_id[-5:])
    assert prompts[0] == Prompt(
        prompt_id=f"mmlu_pro/{prompts[0].split}/00000",
        split=prompts[0].split,
        question="Which letter comes 0 before the last?",
        answer="B",
        kind=AnswerKind.choice,
        choices=tuple(NAMES),
        subject="other",
    )
    assert number == 0


def test_train_may_be_the_validation_split_without_what_is_tested(folder: Path):
    validation = MmluProTrain.validation
    prompts = load("mmlu_pro", path=folder, train_from=validation, test=None, dev=1)
    assert Counter(prompt.split for prompt in prompts) == {"test": 20, "dev": 1, "train": 1}
    assert len(built("mmlu_pro", path=folder, train_from=validation, test=None).sources()) == 2


def test_all_of_it_can_be_tested_on(folder: Path):
    prompts = load("mmlu_pro", path=folder, test=None, dev=0, train=0)
    assert {prompt.split for prompt in prompts} == {Split.test}
    assert len(prompts) == 20


def test_nothing_left_to_train_on_is_refused():
    with pytest.raises(ConfigError, match=r"test=null takes all.*train_from=validation"):
        built("mmlu_pro", test=None)


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (["one"], 1),
        (["one", "two", "N/A"], 2),
        (["one", "two", "N/A", "N/A"], 2),
        (["N/A", "two", "N/A", "four"], 4),
        (["same", "same"], 2),
    ],
)
def test_options_that_only_fill_up_are_left_out(tmp_path: Path, options: list[str], kept: int):
    write(tmp_path / "mmlu_pro_test.jsonl", [row(1, options, "A")])
    prompts = load("mmlu_pro", path=tmp_path, test=None, dev=0, train=0)
    assert [prompt.choices for prompt in prompts] == [tuple(options[:kept])]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (row(1, ["a", "b"], "C"), r"test\.jsonl:1: the answer is 'C' and the options are A, B"),
        (row(1, ["a", "N/A"], "B"), "the answer is 'B' and the options are A;"),
        (row(1, ["a", ""], "A"), r"'options\.B' is empty"),
        (row(1, [], "A"), r"'options' is \[\]; wanted a list"),
        ({**row(1), "category": ""}, "'category' is empty"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, bad: dict[str, object], message: str):
    write(tmp_path / "test.jsonl", [bad])
    with pytest.raises(DataError, match=message):
        load("mmlu_pro", path=tmp_path, test=None, dev=0, train=0)
