"""OpenBookQA: the authors' nested files and the hub's flat ones give the same prompts."""

from collections import Counter
from pathlib import Path

import pytest

from advdistill.records import AnswerKind, Prompt, Split
from tests.unit.dataset.building import load, write

LABELS = ["A", "B", "C", "D"]
TEXTS = ["wood", "glass", "iron", "wool"]


def flat(number: int) -> dict[str, object]:
    return {
        "id": f"7-{number}",
        "question_stem": f"A magnet pulls {number} nails of",
        "choices": {"text": TEXTS, "label": LABELS},
        "answerKey": "C",
    }


def nested(number: int) -> dict[str, object]:
    pairs = [{"text": text, "label": label} for text, label in zip(TEXTS, LABELS, strict=True)]
    stem = flat(number)["question_stem"]
    question = {"stem": stem, "choices": pairs}
    return {"id": f"7-{number}", "question": question, "answerKey": "C"}


@pytest.mark.parametrize(
    ("row", "files"),
    [
        (flat, "main/{}-00000-of-00001.parquet"),
        (nested, "openbookqa_{}.jsonl.gz"),
        (nested, "{}.jsonl"),
    ],
)
def test_both_layouts_give_the_same_prompts(tmp_path: Path, row, files: str):
    word = "validation" if "main" in files else "dev"
    write(tmp_path / files.format("train"), [row(number) for number in range(5)])
    write(tmp_path / files.format(word), [row(number) for number in (5, 6)])
    write(tmp_path / files.format("test"), [row(number) for number in (7, 8, 9)])
    prompts = load("openbookqa", path=tmp_path)
    assert Counter(prompt.split for prompt in prompts) == {"test": 3, "dev": 2, "train": 5}
    assert prompts[3] == Prompt(
        prompt_id="openbookqa/dev/00000",
        split=Split.dev,
        question="A magnet pulls 5 nails of",
        answer="C",
        kind=AnswerKind.choice,
        choices=("wood", "glass", "iron", "wool"),
    )
