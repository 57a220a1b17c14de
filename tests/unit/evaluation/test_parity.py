"""The verifier and the lm-eval task say the same of every answer."""

from dataclasses import replace
from pathlib import Path

import pytest

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.interfaces import Verifier
from advdistill.judging import open_judge
from advdistill.records import AnswerKind, Prompt, Verdict
from benchmarks.parity import compared, differences, directly, through_task
from benchmarks.parity_answers import REWRITINGS, SOURCES, Source, built, component
from tests.builders import prompt
from tests.unit.evaluation.engines import choice

PROMPTS: dict[str, list[Prompt]] = {
    "number": [prompt(f"gsm8k/test/{gold}", answer=gold) for gold in ("2", "1,000", "-3/4")],
    "math": [
        replace(prompt(f"math/test/{place}", answer=gold), kind=AnswerKind.math)
        for place, gold in enumerate(["\\frac{1}{2}", "x^2 + 1", "(-\\infty, 3]", "\\text{east}"])
    ],
    "choice": [
        choice("arc/test/0", "B", "salt", "oil", "tin"),
        choice("arc/test/1", "A", "sugar", "sand", "rust", "salt"),
        choice("arc/test/2", "C", "cold", "wind", "heat", "dust", "ice"),
    ],
}


@pytest.mark.parametrize("style", list(AnswerStyle))
@pytest.mark.parametrize("verifier", PROMPTS)
def test_task_and_verifier_agree_on_every_rewriting_of_the_gold_answer(
    verifier: str, style: AnswerStyle
) -> None:
    answer_format = component("answer_format", style, AnswerFormat)
    answers = list(built(PROMPTS[verifier], answer_format))
    assert len(answers) == len(PROMPTS[verifier]) * len(REWRITINGS)
    with open_judge(component("verifier", verifier, Verifier), answer_format, processes=1) as judge:
        measured = through_task(answers, answer_format, judge)
        direct = directly(answers, judge)
    assert differences(measured, direct) == []
    assert {Verdict.passed, Verdict.failed, Verdict.error} <= {
        item.verdict for item in measured.items
    }
    other = [*direct[1:], direct[0]]
    assert len(differences(measured, other)) == len(answers)


@pytest.mark.data
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_they_agree_on_the_first_answers_of_every_source(source: Source, data: Path) -> None:
    assert compared(source, data, 40, listed=False) == 0
