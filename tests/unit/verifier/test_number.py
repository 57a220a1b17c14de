"""The number verifier, on outputs that models have written."""

import gzip
import json
import time
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.errors import ConfigError
from advdistill.records import AnswerKind, Finish, Prompt, Response, Reward, Split, Verdict
from advdistill.verifier.number import NumberVerifier

FORMATS = {
    style: AnswerFormat(style=style, instruction="", system=None, thinking=None)
    for style in AnswerStyle
}
every_style = pytest.mark.parametrize("style", list(AnswerStyle))


def judge(
    gold: str,
    text: str,
    *,
    style: AnswerStyle = AnswerStyle.hash,
    finish: Finish = Finish.stop,
    relative_tolerance: float = 0.0,
) -> Reward:
    prompt = Prompt(
        prompt_id="p", split=Split.test, question="", answer=gold, kind=AnswerKind.number
    )
    response = Response(prompt_id="p", sample=3, text=text, tokens=None, finish=finish, teacher="t")
    verifier = NumberVerifier(relative_tolerance=relative_tolerance)
    rule, total = verifier.judge(prompt, response, answer_format=FORMATS[style])
    assert (rule.rule, total.rule) == ("number", "total")
    assert (rule.verdict, rule.value, rule.sample) == (total.verdict, total.value, 3)
    assert (rule.answer, rule.tier, rule.detail) == (total.answer, total.tier, total.detail)
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


EQUAL = (
    "{0}.",
    "${0}",
    "\\${0}",
    "{0} dollars",
    " {0} ",
    "**{0}**",
    "{0}.00",
    "USD {0}",
    "x = {0}",
)
AFTER = st.text(st.characters(blacklist_characters="#\\<", blacklist_categories=["Cs"]))


@every_style
@given(number=st.integers(-(10**12), 10**12), spelling=st.sampled_from(EQUAL), tail=AFTER)
def test_harmless_rewriting_changes_nothing(
    style: AnswerStyle, number: int, spelling: str, tail: str
):
    assume("nswer" not in tail.lower())
    for digits in (str(number), f"{number:,}"):
        text = f"Steps of 3.\n\n{FORMATS[style].write(spelling.format(digits))}\n{tail}"
        assert judge(str(number), text, style=style).verdict is Verdict.passed
        assert judge(str(number + 1), text, style=style).verdict is Verdict.failed


@every_style
@given(st.fractions(), st.fractions(), st.sampled_from(["{0}", "\\frac{{{1}}}{{{2}}}", "{0} km"]))
def test_only_an_equal_value_passes_however_the_gold_is_written(
    style: AnswerStyle, gold: Fraction, other: Fraction, spelling: str
):
    assume(gold != other)
    written = spelling.format(gold, gold.numerator, gold.denominator)
    right, wrong = FORMATS[style].write(str(gold)), FORMATS[style].write(str(other))
    assert judge(written, right, style=style).verdict is Verdict.passed
    assert judge(written, wrong, style=style).verdict is Verdict.failed
    assert judge(written, FORMATS[style].write(written), style=style).verdict is Verdict.passed


@every_style
@given(st.text(st.characters()), st.sampled_from(Finish))
def test_any_text_is_judged_and_the_row_can_be_stored(
    style: AnswerStyle, text: str, finish: Finish
):
    row = judge("18", text, style=style, finish=finish)
    assert row.verdict in Verdict
    assert "".join(filter(None, [row.answer, row.tier, row.detail])).encode() is not None


HOSTILE = [
    *(
        "1",
        "9",
        ".",
        ",",
        "-",
        "/",
        ":",
        "{",
        "}",
        "<",
        "\\",
        " ",
        "$",
        "\u2009",
        "\0",
        "\ud800",
        "\u202e",
    ),
    *(
        "1,",
        "1.",
        "1 ",
        "1/",
        "1e",
        "-1",
        "1:00",
        "1 111",
        "<<1",
        "\\frac{",
        "\\frac1",
        "9**",
        "10^",
    ),
    *(
        "x5\n",
        "= 5",
        "x = 5 or ",
        "USD",
        "cm^2",
        "\\boxed{",
        "5. ",
        "log ",
        "a(",
        "1'111",
        "\u00bd",
    ),
]


@pytest.mark.parametrize("unit", HOSTILE, ids=ascii)
@pytest.mark.parametrize(("before", "after"), [("", ""), ("#### ", ""), ("\\boxed{", "}")])
def test_hostile_text_is_judged_in_bounded_time(unit: str, before: str, after: str):
    start = time.perf_counter()
    row = judge("18", before + unit * (1_000_000 // len(unit)) + after)
    assert row.verdict is not Verdict.passed
    assert time.perf_counter() - start < 1


@pytest.mark.data
@pytest.mark.parametrize("style", [AnswerStyle.hash, AnswerStyle.boxed])
def test_every_firm_numeric_example_is_right_and_in_time(style: AnswerStyle, data: Path):
    rows = [json.loads(line) for line in (data / "verifier_examples.jsonl").open()]
    firm = [row for row in rows if row["kind"] == "numeric" and row["firm"]]
    assert len(firm) > 40
    for row in firm:
        text = row.get("response", "".join(part * n for part, n in row.get("response_parts", [])))
        start = time.perf_counter()
        passed = judge(row["gold"], text, style=style).verdict is Verdict.passed
        assert time.perf_counter() - start < row["max_seconds"], row["id"]
        assert passed == row["expected"], row["id"]


@pytest.mark.data
def test_recorded_labels_agree_for_every_source(data: Path):
    lines = (data / "responses" / "gsm8k_label_adjudication.jsonl").read_text().splitlines()
    corrected = {
        (row["problem_id"], row["source"], row["model"]): row["adjudicated"]
        for row in map(json.loads, lines)
    }
    agreed: dict[str, list[bool]] = defaultdict(list)
    with gzip.open(data / "responses" / "gsm8k_recorded.jsonl.gz", "rt") as problems:
        for problem in map(json.loads, problems):
            for row in problem["responses"]:
                key = (problem["problem_id"], row["source"], row["model"])
                label = corrected.get(key, row["recorded_correct"])
                passed = judge(problem["gold"], row["response"]).verdict is Verdict.passed
                if label is not None:
                    agreed[row["source"]].append(passed == label)
    shares = {source: sum(hits) / len(hits) for source, hits in agreed.items()}
    assert len(shares) == 4
    assert min(shares.values()) >= 0.9975, shares
