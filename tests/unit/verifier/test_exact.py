"""The exact verifier: the marked answer is the gold text, but for what is ignored."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.records import AnswerKind, Finish, Prompt, Response, Reward, Split, Verdict
from advdistill.verifier.exact import ExactVerifier

STRICT = ExactVerifier(
    ignore_case=False, ignore_whitespace=False, ignore_articles=False, ignore_punctuation=False
)
LENIENT = ExactVerifier(
    ignore_case=True, ignore_whitespace=True, ignore_articles=True, ignore_punctuation=True
)


def judge(verifier: ExactVerifier, gold: str, text: str, *, finish: Finish = Finish.stop) -> Reward:
    form = AnswerFormat(style=AnswerStyle.tags, instruction="", system=None, thinking=None)
    prompt = Prompt(prompt_id="p", split=Split.test, question="", answer=gold, kind=AnswerKind.text)
    response = Response(prompt_id="p", sample=3, text=text, tokens=None, finish=finish, teacher="t")
    rule, total = verifier.judge(prompt, response, answer_format=form)
    assert (rule.rule, total.rule) == ("exact", "total")
    assert (rule.verdict, rule.value, rule.sample) == (total.verdict, total.value, 3)
    return total


@pytest.mark.parametrize(
    ("gold", "answer", "lenient", "strict"),
    [
        ("Paris", "Paris", True, True),
        ("Paris", "paris", True, False),
        ("New York", "New\n  York", True, False),
        ("Eiffel Tower", "the Eiffel Tower", True, False),
        ("a", "A", True, False),
        ("Paris", '"Paris."', True, False),
        ("Paris", "**Paris**", True, False),
        ("St. Louis", "St. Louis", True, True),
        ("caf\u00e9", "cafe\u0301", True, True),
        ("Paris", "Paris, France", False, False),
        ("Paris", "not Paris", False, False),
        ("-3", "3", False, False),
        ("1.5", "15", False, False),
        ("$5", "5", False, False),
        ("therapist", "the rapist", False, False),
        ("is", "a is", True, False),
    ],
)
def test_only_what_is_ignored_may_differ(gold: str, answer: str, lenient: bool, strict: bool):
    text = f"Hm.<answer>{answer}</answer>"
    wanted = {True: Verdict.passed, False: Verdict.failed}
    assert judge(LENIENT, gold, text).verdict is wanted[lenient]
    assert judge(STRICT, gold, text).verdict is wanted[strict]


@pytest.mark.parametrize(
    ("gold", "text", "finish", "verdict", "value"),
    [
        ("Paris", "Paris", Finish.stop, Verdict.unparsed, 0.0),
        ("Paris", "<answer>...</answer>", Finish.stop, Verdict.unparsed, 0.0),
        ("Paris", "#### Par", Finish.length, Verdict.truncated, None),
        ("Paris", "<answer>Rome</answer> is", Finish.length, Verdict.failed, 0.0),
        ("Paris", "<answer>Paris</answer>", Finish.error, Verdict.error, None),
        ("?", "<answer>?</answer>", Finish.stop, Verdict.error, None),
    ],
)
def test_what_cannot_be_compared_says_why(
    gold: str, text: str, finish: Finish, verdict: Verdict, value: float | None
):
    row = judge(LENIENT, gold, text, finish=finish)
    assert (row.verdict, row.value) == (verdict, value)
    assert row.detail or verdict is Verdict.failed


@given(st.text(st.characters()))
def test_any_text_is_judged_and_the_row_can_be_stored(text: str):
    for whole in (text, f"<answer>{text}</answer>"):
        assert (judge(LENIENT, "Paris", whole).answer or "").encode() is not None


@pytest.mark.parametrize("unit", ["\u0301\u0316", "\u0345", "\u0344", "the ", "*", " ", "\u00df"])
def test_hostile_text_is_judged_in_bounded_time(unit: str):
    start = time.perf_counter()
    row = judge(LENIENT, "Paris", f"<answer>{unit * 500_000}</answer>")
    assert row.verdict is not Verdict.passed
    assert time.perf_counter() - start < 1
