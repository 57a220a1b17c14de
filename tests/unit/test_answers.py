"""Asking for an answer, writing it and reading it back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.answers import AnswerFormat, AnswerStyle, Reading

HASH = AnswerFormat(
    style=AnswerStyle.hash, instruction="End with ####.", system=None, thinking=None
)
BOXED = AnswerFormat(
    style=AnswerStyle.boxed, instruction="", system="You are exact.", thinking=None
)
TRAILING = st.text(st.characters(blacklist_characters="#\\<", blacklist_categories=["Cs"]))


def answer_and_tier(answer_format: AnswerFormat, text: str) -> tuple[str, str] | None:
    reading = answer_format.read(text)
    return (reading.answer, reading.tier) if reading else None


def test_the_instruction_stands_below_the_question():
    assert HASH.ask("1 + 1?") == [{"role": "user", "content": "1 + 1?\nEnd with ####."}]


def test_the_system_message_comes_first():
    assert BOXED.ask("1 + 1?") == [
        {"role": "system", "content": "You are exact."},
        {"role": "user", "content": "1 + 1?"},
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9 * 2 = <<9*2=18>>18\n#### 18", ("18", "hash")),
        ("#### 18\n\n(Note: the answer is negative.)", ("18", "hash")),
        ("#### 18 #### 20", ("20", "hash")),
        ("#### 18\n####", ("18", "hash")),
        ("\\boxed{160} then \\boxed{330} so #### 5", ("5", "hash")),
        ("#### Total Female Fishes\n11\nshe has \\(\\boxed{5}\\) more", ("5", "boxed")),
        ("#### Step 2\nsubtract: \\boxed{5}", ("5", "boxed")),
        ("#### New York", ("New York", "hash")),
        ("costs \\boxed{160}, \\boxed{330} and \\boxed{\\frac{1}{2}}.", ("\\frac{1}{2}", "boxed")),
        ("\\boxed{a \\{ b}", ("a \\{ b", "boxed")),
        ("\\boxed{\\boxed{5}}", ("5", "boxed")),
        ("\\boxed{4} and then \\boxed{5", ("4", "boxed")),
        ("\\fbox{5}", ("5", "boxed")),
        ("\\boxed{}", None),
        ("13 * 2 = $26\nA: 26", ("26", "line")),
        ("Final Answer: The final answer is $6$. I hope it is correct. 5", ("$6$", "phrase")),
        ("**Final Answer:** 3.50 dollars.", ("3.50 dollars", "phrase")),
        ("The answer is: **18**\nbecause", ("**18**", "phrase")),
        ("The answer is (B).", ("(B)", "phrase")),
        ('{"reasoning": "9 eggs, $2", "answer": "18"}', ("18", "json")),
        ('{"reasoning": "9 eggs", "answer": 18}', ("18", "json")),
        (
            '```json\n{"answer": "0.4 * 0.2 = 0.08, or 8%"}\n```',
            ("0.4 * 0.2 = 0.08, or 8%", "json"),
        ),
        ('{"answer": "67\\""}', ('67"', "json")),
        ("<answer>5</answer>", ("5", "tag")),
        ("<think>#### 4</think>#### 5", ("5", "hash")),
        ("<think>#### 4</think>", None),
        ("<think>#### 4", None),
        ("She makes $18 every day.", None),
        ("", None),
    ],
)
def test_the_last_complete_marker_is_read(text: str, expected: tuple[str, str] | None):
    assert answer_and_tier(HASH, text) == expected


def test_the_formats_own_style_is_read_first():
    text = "\\boxed{5}\n#### 6"
    assert (answer_and_tier(HASH, text), answer_and_tier(BOXED, text)) == (
        ("6", "hash"),
        ("5", "boxed"),
    )


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("#### 4", False),
        ("#### 4\n", True),
        ("\\boxed{4}", True),
        ("The answer is 4", False),
        ("The answer is 4.", False),
        ("The answer is 4. So", True),
    ],
)
def test_an_answer_is_closed_where_no_later_token_could_change_it(text: str, closed: bool):
    reading = HASH.read(text)
    assert reading
    assert reading.closed is closed


@pytest.mark.parametrize("answer_format", [HASH, BOXED])
@given(answer=st.from_regex(r"-?[1-9][0-9]{0,12}(\.[0-9]{1,4})?", fullmatch=True), tail=TRAILING)
def test_what_is_written_is_read_whatever_follows(
    answer_format: AnswerFormat, answer: str, tail: str
):
    text = f"Some steps.\n{answer_format.write(answer)}\n{tail}"
    assert answer_and_tier(answer_format, text) == (answer, answer_format.style)


@given(st.text())
def test_any_text_can_be_read(text: str):
    assert isinstance(HASH.read(text), Reading | None)


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "text",
    [
        *(character * 1_000_000 for character in "#{}<\\ \n1\"'*.-$"),
        "\\boxed{" * 150_000,
        "{" * 500_000 + "}" * 500_000,
        "\\boxed{" + "{" * 9_000 + "}" * 8_000,
        '"answer": "' * 90_000,
        '"answer": ' + "\\" * 1_000_000,
        "<answer>" * 120_000,
        "<think>" * 140_000,
        "The answer is " * 70_000,
        "#### " * 200_000,
        "#### A" + " A" * 500_000,
        "A: " * 300_000,
    ],
    ids=lambda text: text[:10],
)
def test_hostile_text_is_read_in_bounded_time(text: str):
    HASH.read(text)
    BOXED.read(text)


def test_a_long_text_is_read_from_its_end():
    assert answer_and_tier(HASH, "x" * 1_000_000 + "\n#### 4") == ("4", "hash")
