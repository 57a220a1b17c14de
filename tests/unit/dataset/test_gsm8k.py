"""GSM8K: the number behind ####, a dev split that ignores the order of the file."""

from collections import Counter
from pathlib import Path

import pytest

from advdistill.errors import ConfigError, DataError
from advdistill.records import AnswerKind, Split
from tests.unit.dataset.building import built, load, write

PROBLEMS = [
    {"question": f"What is {n}?", "answer": f"Count.\n#### {n:,}"} for n in range(990, 1010)
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "gsm8k_train.jsonl.gz", PROBLEMS)
    write(tmp_path / "gsm8k_test.jsonl", [{**PROBLEMS[0], "question": f"{n}?"} for n in range(5)])
    return tmp_path


def test_every_prompt_has_its_row_number_and_gold_answer(folder: Path):
    prompts = load("gsm8k", path=folder, dev=4)
    assert Counter(prompt.split for prompt in prompts) == {"test": 5, "dev": 4, "train": 16}
    for prompt in prompts:
        name, split, number = prompt.prompt_id.split("/")
        assert (name, split, prompt.kind) == ("gsm8k", prompt.split, AnswerKind.number)
        if split != Split.test:
            assert prompt.question == PROBLEMS[int(number)]["question"]
            assert prompt.answer == str(990 + int(number))


def test_dev_does_not_depend_on_the_order_of_the_file(folder: Path):
    def division() -> set[tuple[str, Split]]:
        return {(prompt.question, prompt.split) for prompt in load("gsm8k", path=folder, dev=4)}

    before = division()
    write(folder / "gsm8k_train.jsonl.gz", PROBLEMS[::-1])
    assert division() == before


def test_fewer_training_prompts_leave_dev_and_test_as_they_are(folder: Path):
    few, many = (set(load("gsm8k", path=folder, dev=4, train=train)) for train in (3, 9))
    assert few < many
    assert Counter(prompt.split for prompt in few) == {"test": 5, "dev": 4, "train": 3}


def test_no_test_prompts_need_no_test_file(folder: Path):
    (folder / "gsm8k_test.jsonl").unlink()
    prompts = load("gsm8k", path=folder, test=0, dev=4)
    assert {prompt.split for prompt in prompts} == {Split.dev, Split.train}


def test_its_sources_are_the_files_it_reads(folder: Path):
    write(folder / "other_train.jsonl", PROBLEMS)
    files = [folder / "gsm8k_test.jsonl", folder / "gsm8k_train.jsonl.gz"]
    assert built("gsm8k", path=folder).sources() == files
    assert built("gsm8k", path=folder, train=0, dev=0).sources() == files[:1]
    assert built("gsm8k").sources() == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "q", "answer": "18"}, "gsm8k_train.jsonl.gz:21: .*no number after ####"),
        ({"question": "q", "answer": "so 18\n####"}, "jsonl.gz:21: .*no number after ####"),
        ({"question": "", "answer": "#### 1"}, "jsonl.gz:21: 'question' is empty"),
        ({"Question": "q", "answer": "#### 1"}, "no column 'question'.*did you mean 'Question'"),
    ],
)
def test_a_bad_row_is_named(folder: Path, row: dict[str, str], message: str):
    write(folder / "gsm8k_train.jsonl.gz", [*PROBLEMS, row])
    with pytest.raises(DataError, match=message):
        load("gsm8k", path=folder, dev=4)


@pytest.mark.parametrize("name", ["train", "dev", "test"])
@pytest.mark.parametrize(
    "option", ["gsm8k", "math", "math500", "openbookqa", "mmlu_pro", "aqua", "svamp", "arc"]
)
def test_sizes_below_zero_are_refused(option: str, name: str):
    with pytest.raises(ConfigError, match=f"{name}=-1.*wanted none below 0"):
        built(option, **{name: -1})
