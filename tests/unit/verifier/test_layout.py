import pytest

from advdistill.records import Finish, Verdict
from advdistill.verifier.layout import LayoutVerifier
from tests.builders import prompt, response
from tests.contract.components import component

WHOLE = "<think>\n6 * 7\n</think>\n<answer>42</answer>"


def value_of(style: str, text: str, *, partial: bool = True) -> float | None:
    verifier = LayoutVerifier(partial=partial)
    form = component("answer_format", style)
    row, total = verifier.judge(prompt(), response(text=text), answer_format=form)
    assert (row.rule, total.rule) == ("layout", "total")
    assert (row.value, row.verdict) == (total.value, total.verdict)
    assert row.verdict is (Verdict.passed if row.value == 1 else Verdict.failed)
    return row.value


@pytest.mark.parametrize(
    ("style", "text", "value"),
    [
        ("hash", "6 * 7 = 42\n#### 42", 1.0),
        ("hash", "#### 43, which is wrong", 1.0),
        ("hash", "\\boxed{42}", 0.0),
        ("hash", "The answer is 42.", 0.0),
        ("hash", "", 0.0),
        ("boxed", "So \\boxed{42}.", 1.0),
        ("boxed", "So \\boxed{42", 0.0),
        ("boxed", "#### 42", 0.0),
        ("json", '{"reasoning": "6 * 7", "answer": "42"}', 1.0),
        ("json", '{"reasoning": "6 * 7", "answer": ', 0.0),
        ("letter", "Answer: B", 1.0),
        ("letter", "\\boxed{B}", 0.0),
    ],
)
def test_the_answer_stands_in_the_marker_that_was_asked_for(
    style: str, text: str, value: float
) -> None:
    assert value_of(style, text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (WHOLE, 1.0),
        (f"{WHOLE}\nI hope that this helps.", 1.0),
        (WHOLE.replace("\n", ""), 1.0),
        ("<answer>42</answer>", 0.5),
        ("6 * 7</think><answer>42</answer>", 0.75),
        ("<think>6 * 7</think>42", 0.5),
        ("<think>6 * 7</think><answer>42", 0.75),
        ("<answer>42</answer><think>6 * 7</think>", 0.5),
        (f"{WHOLE}\n{WHOLE}", 0.0),
        ("<think>6 * 7</think><answer>4</answer><answer>42</answer>", 0.5),
        ("</think><think></answer><answer>", 0.5),
        ("42", 0.0),
    ],
)
def test_a_tag_counts_if_it_stands_once_and_in_its_place(text: str, value: float) -> None:
    assert value_of("tags", text) == value
    assert value_of("tags", text, partial=False) == float(value == 1)


@pytest.mark.parametrize(
    ("text", "finish", "verdict"),
    [
        ("6 * 7 =", Finish.length, Verdict.truncated),
        ("", Finish.error, Verdict.error),
        ("so \\boxed{42}, or", Finish.length, Verdict.passed),
    ],
)
def test_what_was_cut_off_before_its_answer_is_unknown(
    text: str, finish: Finish, verdict: Verdict
) -> None:
    rows = LayoutVerifier(partial=True).judge(
        prompt(),
        response(text=text, finish=finish),
        answer_format=component("answer_format", "boxed"),
    )
    assert [row.verdict for row in rows] == [verdict, verdict]
    assert [row.value for row in rows] == ([1.0] * 2 if verdict is Verdict.passed else [None] * 2)
