"""SVAMP: two sentences make the question, with the hub's splits or out of one file."""

from collections import Counter
from pathlib import Path

import pytest

from advdistill.errors import DataError
from advdistill.records import AnswerKind, Prompt, Split
from tests.unit.dataset.building import built, load, write


def row(number: int, answer: object = "7.0", body: str = "Ann has {} pens") -> dict[str, object]:
    return {
        "ID": f"chal-{number}",
        "Body": body.format(number),
        "Question": "How many has she after 7 more?",
        "Equation": "( 0.0 + 7.0 )",
        "Answer": answer,
        "Type": "Addition",
    }


@pytest.mark.parametrize("files", ["data/{}-00000-of-00001.parquet", "{}.jsonl"])
def test_the_hubs_splits_are_kept(tmp_path: Path, files: str):
    write(tmp_path / files.format("train"), [row(number) for number in range(7)])
    write(tmp_path / files.format("test"), [row(number) for number in (7, 8, 9)])
    prompts = load("svamp", path=tmp_path, test=3, dev=2)
    assert Counter(prompt.split for prompt in prompts) == {"test": 3, "dev": 2, "train": 5}
    assert prompts[0] == Prompt(
        prompt_id="svamp/test/00000",
        split=Split.test,
        question="Ann has 7 pens. How many has she after 7 more?",
        answer="7",
        kind=AnswerKind.number,
        subject="Addition",
    )


@pytest.mark.parametrize("name", ["svamp.jsonl.gz", "SVAMP.json"])
def test_one_file_is_divided_by_hash(tmp_path: Path, name: str):
    file = write(tmp_path / name, [row(number) for number in range(10)])
    prompts = load("svamp", path=tmp_path, test=3, dev=2)
    assert Counter(prompt.split for prompt in prompts) == {"test": 3, "dev": 2, "train": 5}
    assert built("svamp", path=tmp_path).sources() == [file]


@pytest.mark.parametrize(
    ("answer", "gold"), [(51.0, "51"), ("51.0", "51"), ("51", "51"), (10, "10"), (0.5, "0.5")]
)
def test_a_whole_number_is_written_without_a_point(tmp_path: Path, answer: object, gold: str):
    write(tmp_path / "svamp.jsonl", [row(1, answer)])
    assert [prompt.answer for prompt in load("svamp", path=tmp_path, test=0, dev=0)] == [gold]


@pytest.mark.parametrize(
    ("body", "question"),
    [
        ("Ann has 1 pen.", "Ann has 1 pen. How"),
        ("Ann has 1 pen", "Ann has 1 pen. How"),
        ("Ann has 1 pen, ", "Ann has 1 pen, How"),
    ],
)
def test_a_body_without_a_full_stop_gets_one(tmp_path: Path, body: str, question: str):
    write(tmp_path / "svamp.jsonl", [row(1, body=body)])
    assert load("svamp", path=tmp_path, test=0, dev=0)[0].question.startswith(question)


@pytest.mark.parametrize("name", ["Body", "Question", "Answer", "Type"])
def test_a_bad_row_is_named(tmp_path: Path, name: str):
    write(tmp_path / "svamp.jsonl", [row(1), {**row(2), name: " "}])
    with pytest.raises(DataError, match=rf"svamp\.jsonl:2: '{name}' is empty"):
        load("svamp", path=tmp_path, test=0, dev=0)
