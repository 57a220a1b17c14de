"""The math verifier, on answers that models have written."""

import gzip
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.errors import ConfigError
from advdistill.interfaces import Costly
from advdistill.judging import open_judge
from advdistill.records import AnswerKind, Finish, Prompt, Response, Reward, Split, Verdict
from advdistill.verifier.math import MathVerifier
from tests.unit.verifier.test_latex import SOUP

VERIFIER = MathVerifier(seconds=5.0, megabytes=1024)


def form(style: AnswerStyle = AnswerStyle.boxed) -> AnswerFormat:
    return AnswerFormat(style=style, instruction="", system=None, thinking=None)


def asked(gold: str) -> Prompt:
    return Prompt(prompt_id="p", split=Split.test, question="", answer=gold, kind=AnswerKind.math)


def answered(text: str, finish: Finish = Finish.stop) -> Response:
    return Response(prompt_id="p", sample=3, text=text, tokens=None, finish=finish, teacher="t")


def judge(
    gold: str, text: str, *, style: AnswerStyle = AnswerStyle.boxed, finish: Finish = Finish.stop
) -> Reward:
    found = VERIFIER.judge(asked(gold), answered(text, finish), answer_format=form(style))
    if isinstance(found, Costly):
        found = pickle.loads(pickle.dumps(found.work))()
    rule, total = found
    assert (rule.rule, total.rule, rule.verdict) == ("math", "total", total.verdict)
    return total


def boxed(gold: str, answer: str) -> Reward:
    return judge(gold, f"So it is \\boxed{{{answer}}}.")


@pytest.mark.parametrize(
    ("gold", "response", "verdict", "tier"),
    [
        ("\\frac{1}{2}", "$\\boxed{\\dfrac12}$", "pass", "string"),
        ("4", "\\[\n\\boxed{\n4.\n}\n\\]", "pass", "string"),
        ("\\text{Evelyn}", "\\boxed{Evelyn}", "pass", "string"),
        ("90^\\circ", "\\boxed{90}", "pass", "string"),
        ("$\\boxed{28\\%}$", "\\boxed{28}", "pass", "string"),
        ("10{,}000", "\\boxed{10000}", "pass", "string"),
        ("-\\frac{1}{2}", "\\boxed{\\frac{1}{-2}}", "pass", "exact"),
        ("10^{10}", "\\boxed{10000000000}", "pass", "exact"),
        ("1,-2", "\\boxed{-2, 1}", "pass", "exact"),
        ("(1,2)", "\\boxed{(2,1)}", "fail", "exact"),
        ("3\\sqrt{13}", "\\boxed{2\\sqrt{13}}", "fail", "exact"),
        ("x^2-1", "\\boxed{(x-1)(x+1)}", "pass", "algebra"),
        ("3+4i", "\\boxed{4i+3}", "pass", "algebra"),
        ("\\frac{1}{2004!}", "\\boxed{\\frac{1}{2006!}}", "fail", "algebra"),
    ],
)
def test_the_cheapest_tier_that_can_decides(gold: str, response: str, verdict: str, tier: str):
    row = judge(gold, response)
    assert (row.verdict.value, row.tier) == (verdict, tier)


@pytest.mark.parametrize(
    ("gold", "response", "verdict"),
    [
        ("4", "I think \\boxed{3} ... wait, \\boxed{4}", "pass"),
        ("4", "\\(4\\)", "pass"),
        ("18", "The answer is \\$18.00", "pass"),
        ("34", "Final Answer: The largest $n$ is 34.", "pass"),
        ("[-2,7]", "The answer is $x \\in [-2,7]$, as required.", "pass"),
        ("1,2", "\\boxed{1} and \\boxed{2}", "pass"),
        ("2", "\\boxed{1} and \\boxed{2}", "pass"),
        ("\\text{odd}", "The answer is odd.", "pass"),
        ("7", "the answer is:\n\\[ x = 7 \\]", "pass"),
        ("7", "Nothing to say", "unparsed"),
        ("7", "The answer is not $7$", "fail"),
        ("7", "", "unparsed"),
        ("7", "\\boxed{7", "pass"),
    ],
)
def test_the_final_answer_is_found(gold: str, response: str, verdict: str):
    assert judge(gold, response).verdict.value == verdict


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("\\frac{0}{0}", "unparsed"),
        ("1000000!", "unparsed"),
        ("10^{10^{10}} - 10^{10^{10}} + 5", "unparsed"),
        ("9**9**9", "fail"),
        ("\\binom{10^{9}}{5\\cdot10^{8}}", "unparsed"),
        ("1" * 3000, "unparsed"),
        ("(" * 900 + "5" + ")" * 900, "unparsed"),
        ("exec(\"open('/tmp/x','w')\")", "fail"),
        ("__import__('os').system('ls')", "fail"),
        ("x if True else 5", "fail"),
        ("lambda: 5", "fail"),
        ("\\input{/etc/passwd}", "fail"),
        ("\ud800", "unparsed"),
        ("5\0", "pass"),
    ],
)
def test_hostile_answers_neither_run_nor_pass(answer: str, verdict: str):
    assert boxed("5", answer).verdict.value == verdict


@pytest.mark.parametrize("gold", ["", " ", "\\frac{1}{", "\\frac{0}{0}", "$$", "("])
def test_a_gold_answer_that_cannot_be_read_is_an_error(gold: str):
    row = boxed(gold, "5")
    assert row.verdict is Verdict.error
    assert row.value is None
    assert "gold answer" in (row.detail or "")


def test_a_gold_answer_too_costly_for_algebra_is_unknown_not_wrong():
    assert boxed("10^{10^{10}}", "5").verdict is Verdict.error
    assert boxed("10^{10^{10}}", "10^{10^{10}}").verdict is Verdict.passed


def test_an_answer_that_was_cut_off_is_truncated():
    assert judge("5", "Let me see, 5", finish=Finish.length).verdict is Verdict.truncated
    assert judge("5", "\\boxed{5}", finish=Finish.length).verdict is Verdict.passed
    assert judge("5", "\\boxed{5}", finish=Finish.error).verdict is Verdict.error


def test_endless_algebra_is_killed_and_unknown():
    verifier = MathVerifier(seconds=0.2, megabytes=1024)
    slow = answered("\\boxed{\\int_0^x \\frac{\\sin(t^t)}{\\cos(t^t)+\\tan(t^x)} dt}")
    with open_judge(verifier, form(), processes=1) as judged:
        [rows] = judged([(asked("\\int_0^x t dt"), slow)])
    assert (rows[-1].verdict, rows[-1].value) == (Verdict.timeout, None)


@pytest.mark.parametrize("labour", ["\\int_0^2 t dt", "\\sum_{k=1}^{9} k^x", "\\lim_{t \\to x} t"])
def test_an_answer_that_leaves_the_work_to_algebra_is_none(labour: str):
    row = boxed("x+1", labour)
    assert row.verdict is Verdict.unparsed
    assert row.detail is not None
    assert "leaves work to be done" in row.detail


@pytest.mark.parametrize(
    ("seconds", "megabytes"), [(0.0, 1), (-1.0, 1), (1.0, 0), (float("inf"), 1)]
)
def test_limits_are_positive(seconds: float, megabytes: int):
    with pytest.raises(ConfigError, match="wanted both above 0"):
        MathVerifier(seconds=seconds, megabytes=megabytes)


WHOLE = st.integers(-(10**6), 10**6)
BELOW = st.integers(1, 10**4)


@given(WHOLE, BELOW, st.sampled_from(["${}$", " {} ", "\\left({}\\right)", "{}.", "\\, {} \\!"]))
def test_harmless_rewriting_changes_nothing(above: int, below: int, wrapper: str):
    gold = f"\\frac{{{above}}}{{{below}}}"
    for spelling in (gold, gold.replace("frac", "dfrac"), f"{above}/{below}"):
        assert boxed(gold, wrapper.format(spelling)).verdict is Verdict.passed


@given(WHOLE, BELOW, WHOLE, BELOW)
def test_no_other_fraction_passes(above: int, below: int, other: int, under: int):
    assume(above * under != other * below)
    row = boxed(f"\\frac{{{above}}}{{{below}}}", f"\\frac{{{other}}}{{{under}}}")
    assert row.verdict is Verdict.failed


@given(st.lists(WHOLE, min_size=2, max_size=6, unique=True), st.randoms(use_true_random=False))
def test_a_list_may_come_in_any_order_and_a_tuple_may_not(numbers: list[int], random: Any):
    shuffled = random.sample(numbers, len(numbers))
    one, two = (", ".join(map(str, several)) for several in (numbers, shuffled))
    assert boxed(one, two).verdict is Verdict.passed
    expected = Verdict.passed if numbers == shuffled else Verdict.failed
    assert boxed(f"({one})", f"({two})").verdict is expected


@settings(max_examples=300)
@given(st.one_of(SOUP, st.text(max_size=200)), st.sampled_from(["5", "1,2", "(0,1)", "\\text{no}"]))
def test_every_text_gets_a_verdict(text: str, gold: str):
    for response in (text, f"\\boxed{{{text}}}"):
        found = VERIFIER.judge(asked(gold), answered(response), answer_format=form())
        if isinstance(found, Costly):
            pickle.dumps(found.work)
            found = found.killed(Verdict.timeout, "late")
        assert found[-1].rule == "total"


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file of real data."""
    with gzip.open(path, "rt") as lines:
        yield from map(json.loads, lines)


@pytest.mark.data
def test_the_examples_are_judged_as_expected(data: Path):
    lines = (data / "verifier_examples.jsonl").read_text().splitlines()
    examples = [row for row in map(json.loads, lines) if row["kind"] == "math"]
    wrong = []
    for row in examples:
        parts = row.get("response_parts") or [[row["response"], 1]]
        found = judge(row["gold"], "".join(text * times for text, times in parts))
        if row["firm"] and (found.verdict is Verdict.passed) != row["expected"]:
            wrong.append(row["id"])
    assert examples
    assert wrong == []


@pytest.mark.data
def test_recorded_labels_agree_but_for_the_one_that_is_wrong(data: Path):
    differing = [
        (problem["problem_id"], response["sample"])
        for problem in rows(data / "responses/math_qwen_n8.jsonl.gz")
        for response in problem["responses"]
        if (judge(problem["gold"], response["response"]).verdict is Verdict.passed)
        != response["recorded_correct"]
    ]
    assert differing == [("math-72", 7)]


@pytest.mark.data
@pytest.mark.parametrize("style", [AnswerStyle.boxed, AnswerStyle.tags, AnswerStyle.json])
@pytest.mark.parametrize("name", ["math500_test", "math_train_answers"])
def test_every_gold_answer_of_math_passes_itself(name: str, style: AnswerStyle, data: Path):
    golds = {row["answer"] for row in rows(data / f"{name}.jsonl.gz") if row["answer"]}
    missed = [
        gold
        for gold in golds
        if judge(gold, form(style).write(gold), style=style).verdict is not Verdict.passed
    ]
    assert golds
    assert missed == []
