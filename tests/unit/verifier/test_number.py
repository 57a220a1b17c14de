"""The number verifier, on outputs that models have written."""

import gzip
import json
import os
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.errors import ConfigError
from advdistill.records import AnswerKind, Finish, Prompt, Response, Reward, Split, Verdict
from advdistill.verifier.number import NumberVerifier, parse_number

HASH = AnswerFormat(style=AnswerStyle.hash, instruction="", system=None, thinking=None)
TRAILING = st.text(st.characters(blacklist_characters="#\\<", blacklist_categories=["Cs"]))


def judge(
    gold: str, text: str, *, finish: Finish = Finish.stop, relative_tolerance: float = 0.0
) -> Reward:
    prompt = Prompt(
        prompt_id="p", split=Split.test, question="", answer=gold, kind=AnswerKind.number
    )
    response = Response(prompt_id="p", sample=3, text=text, tokens=None, finish=finish, teacher="t")
    verifier = NumberVerifier(relative_tolerance=relative_tolerance)
    rule, total = verifier.judge(prompt, response, answer_format=HASH)
    assert (rule.rule, total.rule) == ("number", "total")
    assert (rule.verdict, rule.value, rule.sample) == (total.verdict, total.value, 3)
    return total


@pytest.mark.parametrize(
    ("gold", "response", "expected"),
    [
        ("18", "9 * $2 = $<<9*2=18>>18.\n#### 18", Verdict.passed),
        ("20", "#### $20.00", Verdict.passed),
        ("5", "So they need 0.5 pounds.\n#### 0.5", Verdict.failed),
        ("1000", "#### 1,000", Verdict.passed),
        ("7", "#### 7.00\n\n", Verdict.passed),
        ("4", "#### 5\nExplanation: 2 apples and 1 table with 4 legs.", Verdict.failed),
        ("15", "5 cars drove through in 15 minutes.\n\\boxed{5}", Verdict.failed),
        ("694", "\\boxed{160}, \\boxed{330}: \\boxed{204 + 160 + 330 = 694}.", Verdict.passed),
        ("204", "\\boxed{204 + 160 + 330 = 694}", Verdict.failed),
        ("10", "\\boxed{10 miles per hour}", Verdict.passed),
        ("94", "the charge was \\boxed{94%}.", Verdict.passed),
        ("10", "the discount is \\boxed{10\\%}.", Verdict.passed),
        ("-3", "the temperature was \\boxed{-3} degrees Celsius.", Verdict.passed),
        ("-3", "the temperature was \\boxed{\u22123}.", Verdict.passed),
        ("3", "the temperature was \\boxed{-3}.", Verdict.failed),
        ("9500", "\\boxed{$9 500}", Verdict.passed),
        ("2", "\\boxed{2:00 \\, \\text{pm}}", Verdict.passed),
        ("2", "\\boxed{2:30 pm}", Verdict.failed),
        ("5", "The answer is definitely not 5, it is 6.", Verdict.unparsed),
        ("5", "The answer is between 4 and 5.", Verdict.unparsed),
        ("5", "#### 5 or 6", Verdict.unparsed),
        ("6", "#### x = 5 or x = 6", Verdict.unparsed),
        ("35", "The final answer is 35%, as 7 out of 20 puppies have spots.", Verdict.passed),
        ("4", "#### No valid solution.", Verdict.unparsed),
        ("0", "I do not know.", Verdict.unparsed),
        ("5", "nan", Verdict.unparsed),
        ("5", "The answer is 1e400", Verdict.failed),
        ("26", "so she makes <<13*2=26>>26\nA: 26", Verdict.passed),
        ("18", '{"reasoning": "16 - 7 = 9 eggs", "answer": "18"}', Verdict.passed),
        ("65,960", "The correct answer is $65,960.", Verdict.passed),
        ("4.0", "Mary needs \\boxed{4} more cups.", Verdict.passed),
    ],
)
def test_a_marked_answer_is_judged(gold: str, response: str, expected: Verdict):
    assert judge(gold, response).verdict is expected


@pytest.mark.parametrize(
    ("gold", "response", "expected"),
    [
        ("70000", "Therefore, Josh made a profit of $70,000.", Verdict.passed),
        ("70", "Therefore, Josh made a profit of $70,000.", Verdict.failed),
        ("7", "so he sold a total of 3 + 4 = <<3+4=7>>7 DVDs.", Verdict.passed),
        ("12", "8 pens will cost 8 x $1.50 = $12.00.", Verdict.passed),
        ("-25", "the difference between their two scores is -25.", Verdict.passed),
        ("12", "the probability is 0.12, or 12%.", Verdict.passed),
        ("20", "in total that is 13 + 20", Verdict.unparsed),
        ("9", "9**9**9", Verdict.unparsed),
        ("5", "\u7b54\u6848\u662f5\u3002", Verdict.passed),
    ],
)
def test_without_a_marker_the_last_number_is_judged(gold: str, response: str, expected: Verdict):
    reward = judge(gold, response)
    assert (reward.verdict, reward.tier) == (expected, "last_number")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18.", Fraction(18)),
        ("**18**", Fraction(18)),
        ("+18 dollars", Fraction(18)),
        ("0012", Fraction(12)),
        (".5", Fraction(1, 2)),
        ("1,234,567.25", Fraction(123456725, 100)),
        ("10{,}000", Fraction(10000)),
        ("11,\\! 111,\\! 111,\\! 100", Fraction(11111111100)),
        ("1\u202f234", Fraction(1234)),
        ("1\\,234", Fraction(1234)),
        ("-$5", Fraction(-5)),
        ("$-5$", Fraction(-5)),
        ("- 5", Fraction(-5)),
        ("\\$5", Fraction(5)),
        ("\u00a35", Fraction(5)),
        ("5 \u20ac", Fraction(5)),
        ("3/4", Fraction(3, 4)),
        ("-\\frac{3}{4}", Fraction(-3, 4)),
        ("2\\frac{1}{2}", Fraction(5, 2)),
        ("24 2/3", Fraction(74, 3)),
        ("1e6", Fraction(10**6)),
        ("1.5 \\times 10^{3}", Fraction(1500)),
        ("10\\text{ cm}^2", Fraction(10)),
        ("360 in^3", Fraction(360)),
        ("90^\\circ", Fraction(90)),
        ("\\boxed{5}", Fraction(5)),
        ("1" * 400, Fraction(int("1" * 400))),
        ("1" * 401, None),
        ("1e401", None),
        ("1e" + "9" * 5000, None),
        ("3/0", None),
        ("1,23", None),
        ("4, 6", None),
        ("1 2", None),
        ("2^10", None),
        ("2 + 9", None),
        ("9**9**9", None),
        ("\\sqrt{16}", None),
        ("1.234.567", None),
        ("twelve", None),
        ("inf", None),
        ("", None),
    ],
)
def test_a_number_is_parsed_exactly_or_not_at_all(text: str, expected: Fraction | None):
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    ("finish", "text", "verdict", "value"),
    [
        (Finish.stop, "#### 18", Verdict.passed, 1.0),
        (Finish.stop, "#### 19", Verdict.failed, 0.0),
        (Finish.stop, "no idea", Verdict.unparsed, 0.0),
        (Finish.length, "16 - 3 - 4 = 9, and 9 * 2 = 18", Verdict.truncated, None),
        (Finish.length, "#### 18", Verdict.truncated, None),
        (Finish.length, "#### 18\nLet me", Verdict.passed, 1.0),
        (Finish.length, "\\boxed{19} dollars", Verdict.failed, 0.0),
        (Finish.length, "<think>#### 18\n", Verdict.truncated, None),
        (Finish.error, "#### 18", Verdict.error, None),
    ],
)
def test_what_is_unknown_has_no_value(
    finish: Finish, text: str, verdict: Verdict, value: float | None
):
    reward = judge("18", text, finish=finish)
    assert (reward.verdict, reward.value) == (verdict, value)


def test_a_gold_answer_that_is_no_number_is_an_error_not_a_wrong_answer():
    reward = judge("Let's think step by step.", "#### 24")
    assert (reward.verdict, reward.value) == (Verdict.error, None)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("#### 18.00", "18"),
        ("#### -7.50", "-7.5"),
        ("#### 2/3", "2/3"),
        ("#### 1/4", "0.25"),
        ("#### -0", "0"),
    ],
)
def test_equal_values_have_the_same_text(text: str, answer: str):
    assert judge("1", text).answer == answer


@pytest.mark.parametrize(
    ("tolerance", "text", "expected"),
    [
        (0.01, "#### 101", Verdict.passed),
        (0.01, "#### 101.01", Verdict.failed),
        (0.0, "#### 100.0000000001", Verdict.failed),
    ],
)
def test_the_tolerance_is_relative_to_the_gold_answer(
    tolerance: float, text: str, expected: Verdict
):
    assert judge("100", text, relative_tolerance=tolerance).verdict is expected


@pytest.mark.parametrize("tolerance", [-0.1, 1.0, float("nan"), float("inf")])
def test_a_tolerance_out_of_range_is_refused(tolerance: float):
    with pytest.raises(ConfigError, match="relative_tolerance"):
        NumberVerifier(relative_tolerance=tolerance)


@given(st.text(), st.sampled_from(Finish))
def test_any_text_is_judged(text: str, finish: Finish):
    assert judge("18", text, finish=finish).verdict in Verdict


@given(st.text(st.sampled_from("0123456789.,-+/:eE$%\\{}()^*=<># \n\u2009x")))
def test_any_heap_of_number_signs_is_judged(text: str):
    assert judge("18", text).verdict in Verdict


@given(st.integers(-(10**12), 10**12), TRAILING)
def test_text_after_the_marker_changes_nothing(number: int, trailing: str):
    assert judge(str(number), f"#### {number}\n{trailing}").verdict is Verdict.passed


@given(st.fractions(), st.fractions())
def test_only_an_equal_fraction_passes(gold: Fraction, other: Fraction):
    assume(gold != other)
    assert judge(str(gold), f"#### {gold}").verdict is Verdict.passed
    assert judge(str(gold), f"#### {other}").verdict is Verdict.failed


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "text",
    [
        *(character * 1_000_000 for character in "19.,-/:{}<\\ $\u2009"),
        *(unit * 300_000 for unit in ("1,", "1.", "1 ", "1/", "1e", "-1", "1:00", "1 111", "<<1")),
        "\\frac{" * 100_000,
        "\\boxed{" * 100_000 + "5",
        "#### " + "1" * 1_000_000,
        "#### " + "1 111" * 100_000 + "/",
        "#### 1" + " 111" * 4_000 + "/",
        "\\boxed{" + "{" * 9_000 + "5" + "}" * 9_001,
        "#### " + "9**" * 5_000 + "9",
        "#### 1e999999999",
    ],
    ids=lambda text: text[:10],
)
def test_hostile_text_is_judged_in_bounded_time(text: str):
    assert judge("18", text).value in (0.0, None)


@pytest.mark.data
@pytest.mark.skipif("ADVDISTILL_DATA" not in os.environ, reason="ADVDISTILL_DATA is not set")
def test_recorded_labels_agree_for_every_source():
    folder = Path(os.environ["ADVDISTILL_DATA"]) / "responses"
    lines = (folder / "gsm8k_label_adjudication.jsonl").read_text().splitlines()
    corrected = {
        (row["problem_id"], row["source"], row["model"]): row["adjudicated"]
        for row in map(json.loads, lines)
    }
    agreed: dict[str, list[bool]] = defaultdict(list)
    with gzip.open(folder / "gsm8k_recorded.jsonl.gz", "rt") as problems:
        for problem in map(json.loads, problems):
            for row in problem["responses"]:
                key = (problem["problem_id"], row["source"], row["model"])
                label = corrected.get(key, row["recorded_correct"])
                passed = judge(problem["gold"], row["response"]).verdict is Verdict.passed
                if label is not None:
                    agreed[row["source"]].append(passed == label)
    shares = {source: sum(hits) / len(hits) for source, hits in agreed.items()}
    assert len(shares) == 4
    assert min(shares.values()) >= 0.995, shares
