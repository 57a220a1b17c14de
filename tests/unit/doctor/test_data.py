import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from advdistill.doctor import data
from advdistill.doctor.finding import Health
from advdistill.doctor.subject import Subject
from tests.unit.doctor.subjects import subject

LONG = "Ann has three red apples and her brother Tom gives her four more of them today, how many?"


def problems(folder: Path, *, train: Sequence[str], test: Sequence[str], golds: str = "1") -> list:
    """Return the settings of a data set of these questions; golds are given out in turn."""
    paths = {}
    for split, questions in {"train": train, "test": test}.items():
        paths[split] = folder / f"{split}.jsonl"
        rows = [
            {"question": question, "answer": golds[number % len(golds)]}
            for number, question in enumerate(questions)
        ]
        paths[split].write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [
        "dataset=jsonl",
        "dataset.name=own",
        f"dataset.train_path={paths['train']}",
        f"dataset.test_path={paths['test']}",
    ]


def of(folder: Path, *more: str, **sets: object) -> Subject:
    return subject(folder / "outputs", *problems(folder, **sets), *more)  # type: ignore[arg-type]


def test_a_sound_data_set(tmp_path: Path) -> None:
    tests = [f"What is {number} and 2?" for number in range(100)]
    sound = of(tmp_path, train=["What is 7 and 3?", "What is 7 and 4?"], test=tests)
    for check in (data.data_sets, data.enough_tests, data.contamination, data.repeated_questions):
        assert check(sound).health is Health.good, check


def test_a_data_set_that_cannot_be_read(tmp_path: Path) -> None:
    broken = of(tmp_path, train=["1 + 1?"], test=["2 + 2?"])
    (tmp_path / "train.jsonl").write_text("{torn")
    found = data.data_sets(broken)
    assert found.health is Health.bad
    assert "train.jsonl" in found.found


def test_a_held_out_set_that_cannot_be_read(tmp_path: Path) -> None:
    held = [
        "+dataset@held_out.other=jsonl",
        "held_out.other.name=other",
        f"held_out.other.train_path={tmp_path / 'train.jsonl'}",
    ]
    found = data.data_sets(of(tmp_path, *held, train=["1 + 1?"], test=["2 + 2?"]))
    assert found.health is Health.bad
    assert "'other' has no test prompt" in found.found


@pytest.mark.parametrize(("tests", "health"), [(0, Health.bad), (99, Health.doubtful)])
def test_too_few_test_prompts(tmp_path: Path, tests: int, health: Health) -> None:
    few = of(tmp_path, train=["7 + 9?"], test=[f"{number} + 1?" for number in range(tests or 1)])
    if tests == 0:
        few = subject(tmp_path / "none", *problems(tmp_path, train=["1?"], test=["2?"])[:3])
    assert data.enough_tests(few).health is health


def test_a_training_prompt_that_is_tested_too(tmp_path: Path) -> None:
    sets = {"train": [f"Listen: {LONG}", "What is 7?"], "test": [LONG]}
    found = data.contamination(of(tmp_path, **sets))
    assert found.health is Health.bad
    assert "1 of 2 training prompts" in found.found
    cleaned = data.contamination(of(tmp_path, "decontaminate=true", **sets))
    assert cleaned.health is Health.good
    assert "leaves them out" in cleaned.found


def test_questions_that_are_asked_twice(tmp_path: Path) -> None:
    alike = {"train": ["1 + 1?", "1  + 1?"], "test": ["7?"]}
    assert data.repeated_questions(of(tmp_path, **alike)).health is Health.doubtful


def test_a_question_with_two_golds(tmp_path: Path) -> None:
    torn = of(tmp_path, train=["1 + 1?", "1 + 1?"], test=["7?"], golds="23")
    assert data.repeated_questions(torn).health is Health.bad


@pytest.mark.parametrize(
    ("overrides", "health"),
    [
        ([], Health.skipped),
        (["student.model=owner/name", "student.revision=main"], Health.doubtful),
        (["student.model=owner/name", f"student.revision={'0a' * 20}"], Health.good),
    ],
)
def test_revisions(tmp_path: Path, overrides: list[str], health: Health) -> None:
    assert data.pinned_revisions(subject(tmp_path, *overrides)).health is health
