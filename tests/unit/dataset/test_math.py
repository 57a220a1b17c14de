r"""MATH: the gold answer is the last box, from subjects in folders or from one file."""

import random
from pathlib import Path

import pytest

from advdistill.dataset.math import SUBJECTS, last_box
from advdistill.errors import DataError
from advdistill.records import AnswerKind, Prompt, Split
from tests.unit.dataset.building import built, load, write


def problem(number: int, subject: str = "Algebra") -> dict[str, str]:
    solution = f"First \\boxed{{0}}, so $\\boxed{{{number}}}$."
    return {"problem": f"Find {number}.", "level": "Level 1", "type": subject, "solution": solution}


@pytest.mark.parametrize(
    ("solution", "box"),
    [
        (r"$\boxed{2}$", "2"),
        (r"\boxed{1} and then $\boxed{ \frac{1}{2} }$.", r"\frac{1}{2}"),
        (r"\fbox{3}", "3"),
        (r"\boxed{1} \fbox{3}", "3"),
        (r"\boxed{\fbox{3}}", "3"),
        (r"\boxed {4}", "4"),
        (r"\boxed{\left\{ 1, 2 \right\}}", r"\left\{ 1, 2 \right\}"),
        (r"\boxed{\{1\}} {", r"\{1\}"),
        (r"the answer is $\boxed 5$ there", "5"),
        (r"\boxed{}", ""),
        (r"\boxed{a} \boxed{b", None),
        (r"\boxed", None),
        (r"\boxed $", None),
        ("5", None),
    ],
)
def test_the_last_box_is_read(solution: str, box: str | None):
    assert last_box(solution) == box


def test_a_box_is_read_in_linear_time():
    """A million characters, at most a second or two."""
    assert last_box("\\boxed{" * 150_000) is None
    assert last_box("\\boxed{" + "{" * 1_000_000) is None
    assert last_box("\\boxed" + " " * 1_000_000) is None


def test_the_hubs_layout_is_a_folder_for_each_subject(tmp_path: Path):
    for number, subject in enumerate(SUBJECTS):
        write(tmp_path / subject / "train-00000-of-00001.parquet", [problem(number, subject)])
        write(tmp_path / subject / "test-00000-of-00001.parquet", [problem(10 + number, subject)])
    prompts = load("math", path=tmp_path, dev=0)
    assert [(prompt.answer, prompt.subject) for prompt in prompts] == [
        (str(start + number), subject)
        for start in (10, 0)
        for number, subject in enumerate(SUBJECTS)
    ]
    assert prompts[7] == Prompt(
        prompt_id="math/train/00000",
        split=Split.train,
        question="Find 0.",
        answer="0",
        kind=AnswerKind.math,
        subject="algebra",
    )
    assert len(built("math", path=tmp_path).sources()) == 14


def test_a_missing_subject_is_refused(tmp_path: Path):
    for subject in SUBJECTS[1:]:
        write(tmp_path / subject / "test-00000-of-00001.parquet", [problem(1)])
    with pytest.raises(DataError, match="no file of the test split of EleutherAI/hendrycks_math"):
        load("math", path=tmp_path)


@pytest.mark.parametrize("answer", ["", " ", None])
def test_a_row_with_a_blank_answer_is_left_out(tmp_path: Path, answer: str | None):
    rows = [{"problem": f"{n}?", "type": "Algebra", "answer": "1"} for n in range(3)]
    write(tmp_path / "math_train_answers.jsonl", [{**rows[0], "answer": answer}, *rows[1:]])
    prompts = load("math", path=tmp_path, test=0, dev=0)
    assert [prompt.prompt_id for prompt in prompts] == ["math/train/00001", "math/train/00002"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"solution": "It is 5."}, r"math_test\.jsonl:2: the solution has no closed \\boxed"),
        ({"solution": "$\\boxed{5$"}, r"math_test\.jsonl:2: the solution has no closed \\boxed"),
        ({"problem": ""}, r"math_test\.jsonl:2: 'problem' is empty"),
        ({"type": None}, r"math_test\.jsonl:2: 'type' is None"),
        ({"answer": 7.0, "solution": "", "type": 1, "problem": []}, "'problem' is"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, change: dict[str, object], message: str):
    write(tmp_path / "math_test.jsonl", [problem(1), {**problem(2), **change}])
    with pytest.raises(DataError, match=message):
        load("math", path=tmp_path, train=0, dev=0)


def test_dev_is_drawn_by_the_question(tmp_path: Path):
    rows = [problem(number) for number in range(30)]
    write(tmp_path / "math_train.jsonl", rows)
    drawn = {p.question for p in load("math", path=tmp_path, test=0, dev=9) if p.split == "dev"}
    random.Random(0).shuffle(rows)
    write(tmp_path / "math_train.jsonl", rows)
    again = {p.question for p in load("math", path=tmp_path, test=0, dev=9) if p.split == "dev"}
    assert drawn == again
    assert len(drawn) == 9
