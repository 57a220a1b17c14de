"""MATH-500 is tested on, and none of its problems is trained on."""

from collections import Counter
from pathlib import Path

from advdistill.records import AnswerKind, Prompt, Split
from tests.unit.dataset.building import built, load, write

TEST = [
    {"problem": f"Find {n}.", "answer": f"{n}", "subject": "Geometry", "unique_id": f"{n}"}
    for n in range(4)
]
TRAIN = [{"problem": f"Find  {n}.", "answer": f"{n}", "type": "Algebra"} for n in range(3, 9)]


def test_train_is_math_without_the_problems_of_math_500(tmp_path: Path):
    write(tmp_path / "math500_test.jsonl.gz", TEST)
    write(tmp_path / "math_train_answers.jsonl.gz", TRAIN)
    write(tmp_path / "math_test.jsonl", TRAIN)
    prompts = load("math500", path=tmp_path, dev=2)
    assert Counter(prompt.split for prompt in prompts) == {"test": 4, "dev": 2, "train": 3}
    assert prompts[1] == Prompt(
        prompt_id="math500/test/00001",
        split=Split.test,
        question="Find 1.",
        answer="1",
        kind=AnswerKind.math,
        subject="Geometry",
    )
    assert "math500/train/00000" not in {prompt.prompt_id for prompt in prompts}
    assert built("math500", path=tmp_path).sources() == [
        tmp_path / "math500_test.jsonl.gz",
        tmp_path / "math_train_answers.jsonl.gz",
    ]


def test_it_can_be_tested_on_alone(tmp_path: Path):
    write(tmp_path / "test.jsonl", TEST)
    assert len(load("math500", path=tmp_path, train=0, dev=0)) == 4
