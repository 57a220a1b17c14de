"""AQuA-RAT: `A)21` is option A, and train may be taken out of dev."""

from collections import Counter
from pathlib import Path

import pytest

from advdistill.dataset.aqua import AquaTrain
from advdistill.errors import ConfigError, DataError
from advdistill.records import AnswerKind, Prompt, Split
from tests.unit.dataset.building import load, write

OPTIONS = ["A)2", "B) 4", "C)x) 6", "D)2(4 \u2013 1)", "E)None of these"]


def row(number: int) -> dict[str, object]:
    question = f"A train needs {number} hours. How many does it need for half the way?"
    return {"question": question, "options": OPTIONS, "rationale": "Halve it.", "correct": "B"}


@pytest.mark.parametrize("files", ["raw/{}-00000-of-00001.parquet", "aqua_{}.jsonl.gz", "{}.json"])
def test_every_layout_gives_the_same_prompts(tmp_path: Path, files: str):
    word = "validation" if "raw" in files else "dev"
    write(tmp_path / files.format("train"), [row(number) for number in range(4)])
    write(tmp_path / files.format(word), [row(number) for number in (4, 5)])
    write(tmp_path / files.format("test"), [row(6)])
    prompts = load("aqua", path=tmp_path)
    assert Counter(prompt.split for prompt in prompts) == {"test": 1, "dev": 2, "train": 4}
    assert prompts[0] == Prompt(
        prompt_id="aqua/test/00000",
        split=Split.test,
        question="A train needs 6 hours. How many does it need for half the way?",
        answer="B",
        kind=AnswerKind.choice,
        choices=("2", "4", "x) 6", "2(4 \u2013 1)", "None of these"),
    )


def test_train_may_be_taken_out_of_dev(tmp_path: Path):
    write(tmp_path / "dev.jsonl", [row(number) for number in range(5)])
    write(tmp_path / "test.jsonl", [row(6)])
    prompts = load("aqua", path=tmp_path, train_from=AquaTrain.dev, dev=2)
    assert Counter(prompt.split for prompt in prompts) == {"test": 1, "dev": 2, "train": 3}


def test_nothing_left_to_train_on_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"dev=null takes all.*give dev=50"):
        load("aqua", path=tmp_path, train_from=AquaTrain.dev)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"correct": "F"}, r"test\.jsonl:1: the answer is 'F' and the options are A, B, C, D, E"),
        ({"correct": ""}, "'correct' is empty"),
        ({"options": ["A)2", "3"]}, r"the options are \['A\)2', '3'\]; wanted `A\)21` and on"),
        ({"options": ["A)2", "C)3"]}, r"the options are \['A\)2', 'C\)3'\]; wanted"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, change: dict[str, object], message: str):
    write(tmp_path / "test.jsonl", [{**row(1), **change}])
    with pytest.raises(DataError, match=message):
        load("aqua", path=tmp_path, train=0, dev=0)
