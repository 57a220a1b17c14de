"""ARC: labels are letters or numbers, options three to five, subsets in folders."""

from collections import Counter
from pathlib import Path

import pytest

from advdistill.errors import DataError
from advdistill.records import AnswerKind, Prompt, Split
from tests.unit.dataset.building import built, load, write


def row(question: str, options: list[str], labels: str, answer: str) -> dict[str, object]:
    choices = {"text": options, "label": list(labels)}
    return {"id": question[:5], "question": question, "choices": choices, "answerKey": answer}


ROWS = [
    row("Which of these is a liquid at room temperature?", ["salt", "oil", "tin"], "ABC", "B"),
    row("What does a leaf make out of light?", ["sugar", "sand", "rust", "salt"], "ABCD", "A"),
    row("Which planet is nearest to the Sun?", ["Mars", "Venus", "Mercury", "Earth"], "1234", "3"),
    row("What turns water into steam?", ["cold", "wind", "heat", "dust", "ice"], "ABCDE", "C"),
    row("Which animal lays eggs?", ["hen", "dog", "cat", "cow"], "1234", "1"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split, rows in {"train": ROWS[:2], "validation": ROWS[2:3], "test": ROWS[3:]}.items():
        write(tmp_path / f"ARC-Challenge/{split}-00000-of-00001.parquet", rows)
    return tmp_path


def test_the_hubs_layout_is_read(folder: Path):
    prompts = load("arc", path=folder)
    assert Counter(prompt.split for prompt in prompts) == {"test": 2, "dev": 1, "train": 2}
    assert [prompt.answer for prompt in prompts] == ["C", "A", "C", "B", "A"]
    assert [len(prompt.choices or ()) for prompt in prompts] == [5, 4, 4, 3, 4]
    assert prompts[2] == Prompt(
        prompt_id="arc/dev/00000",
        split=Split.dev,
        question="Which planet is nearest to the Sun?",
        answer="C",
        kind=AnswerKind.choice,
        choices=("Mars", "Venus", "Mercury", "Earth"),
    )


def test_the_other_subset_is_another_folder(folder: Path):
    with pytest.raises(DataError, match="no file of the test split of allenai/ai2_arc"):
        built("arc", path=folder, subset="ARC-Easy").sources()


def test_an_answer_without_an_option_is_named(folder: Path):
    write(folder / "ARC-Challenge/test.jsonl", [{**ROWS[2], "answerKey": "C"}])
    (folder / "ARC-Challenge/test-00000-of-00001.parquet").unlink()
    message = r"ARC-Challenge/test\.jsonl:1: the answer is 'C' and the options are 1, 2, 3, 4"
    with pytest.raises(DataError, match=message):
        load("arc", path=folder)
