import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from advdistill.answers import AnswerFormat
from advdistill.config import Plan
from advdistill.doctor import answers
from advdistill.doctor.finding import Health
from advdistill.doctor.subject import Subject
from advdistill.records import TOTAL, Prompt, Response, Reward, Verdict
from advdistill.verdicts import reward
from tests.unit.doctor.subjects import finish, machine, plan, subject


@dataclass(frozen=True, kw_only=True)
class Always:
    """A verifier of one opinion."""

    verdict: Verdict

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward]:
        return [reward(response, TOTAL, self.verdict)]


def of(one: Plan) -> Subject:
    return Subject(machine=machine(), plans=lambda: [((), one)])


def gsm8k(folder: Path, *more: str) -> Subject:
    """Return the run on two problems of the data set that lm-eval knows as gsm8k."""
    folder.mkdir(exist_ok=True)
    for split, first in (("train", 1), ("test", 11)):
        rows = [
            {"question": f"{n} + 1?", "answer": f"{n} + 1 = {n + 1}\n#### {n + 1}"}
            for n in (first, first + 1)
        ]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"gsm8k_{split}.jsonl").write_text(lines)
    data = ["dataset=gsm8k", f"dataset.path={folder}", "dataset.dev=0"]
    return subject(folder / "outputs", *data, *more)


def test_the_quickstart_reads_and_judges_its_own_answers(tmp_path: Path) -> None:
    sound = subject(tmp_path)
    for check in (
        answers.parser_parity,
        answers.gold_answers,
        answers.wrong_answers,
        answers.cut_off_answers,
        answers.answer_room,
    ):
        assert check(sound).health is Health.good, check


def test_golds_that_the_format_cannot_hold(tmp_path: Path) -> None:
    rows = [{"question": "Which two lines?", "answer": "<answer>one</answer>"}]
    (tmp_path / "rows.jsonl").write_text(json.dumps(rows[0]) + "\n")
    own = [
        "dataset=jsonl",
        "dataset.name=own",
        "dataset.kind=text",
        f"dataset.train_path={tmp_path / 'rows.jsonl'}",
        "answer_format=tags",
        "verifier=exact",
    ]
    found = answers.parser_parity(subject(tmp_path / "outputs", *own))
    assert found.health is Health.bad
    assert "own/train/00000" in found.found


def test_golds_that_their_verifier_rejects(tmp_path: Path) -> None:
    strict = replace(plan(tmp_path), verifier=Always(verdict=Verdict.failed))
    found = answers.gold_answers(of(strict))
    assert found.health is Health.bad
    assert "56 of 56 gold answers do not pass" in found.found


def test_a_verifier_that_passes_everything(tmp_path: Path) -> None:
    lax = replace(plan(tmp_path), verifier=Always(verdict=Verdict.passed))
    assert answers.wrong_answers(of(lax)).health is Health.bad
    assert answers.cut_off_answers(of(lax)).health is Health.doubtful


def test_students_that_may_write_less_than_they_learn(tmp_path: Path) -> None:
    found = answers.answer_room(subject(tmp_path, "evaluation.max_tokens=20"))
    assert found.health is Health.doubtful
    assert "evaluation.max_tokens=56" in str(found.remedy)


def test_the_stock_task_agrees_on_its_own_format(tmp_path: Path) -> None:
    assert answers.stock_parity(subject(tmp_path / "small")).health is Health.skipped
    found = answers.stock_parity(gsm8k(tmp_path / "data"))
    assert found.health is Health.good, found
    off = answers.stock_parity(gsm8k(tmp_path / "data", "evaluation.stock=false"))
    assert off.health is Health.skipped


def test_the_stock_task_misses_another_format(tmp_path: Path) -> None:
    found = answers.stock_parity(gsm8k(tmp_path / "data", "answer_format=boxed"))
    assert found.health is Health.doubtful, found
    assert "strict-match 0%" in found.found


@pytest.mark.parametrize("check", [answers.truncated_pool, answers.mixed_groups])
def test_without_a_pool_there_is_nothing_to_see(tmp_path: Path, check: object) -> None:
    assert check(subject(tmp_path)).health is Health.skipped  # type: ignore[operator]


@pytest.mark.parametrize(
    ("truncated", "mixed", "health"), [(1, 0.5, Health.good), (10, 0.05, Health.doubtful)]
)
def test_the_pool_that_is_there(
    tmp_path: Path, truncated: int, mixed: float, health: Health
) -> None:
    verdicts = {verdict.value: 0 for verdict in Verdict}
    one = plan(tmp_path)
    finish(
        one,
        {
            "sample": {"answers": 100},
            "judge": {"verdicts": {**verdicts, "pass": 100 - truncated, "truncated": truncated}},
            "weigh": {"health": {"mixed_groups": mixed}},
        },
    )
    assert answers.truncated_pool(of(one)).health is health
    assert answers.mixed_groups(of(one)).health is health
