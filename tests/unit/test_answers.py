"""Asking for an answer, writing it and reading it back."""

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from advdistill.answers import AnswerFormat, AnswerStyle, Reading
from advdistill.records import AnswerKind, Prompt, Split

FORMATS = {
    style: AnswerFormat(style=style, instruction="", system=None, thinking=None)
    for style in AnswerStyle
}
HASH, BOXED = FORMATS[AnswerStyle.hash], FORMATS[AnswerStyle.boxed]
every_style = pytest.mark.parametrize("style", list(AnswerStyle))


def problem(*choices: str) -> Prompt:
    return Prompt(
        prompt_id="p/train/0",
        split=Split.train,
        question="1 + 1?",
        answer="2",
        kind=AnswerKind.choice if choices else AnswerKind.number,
        choices=choices or None,
    )


def answer_and_tier(style: AnswerStyle, text: str) -> tuple[str, str] | None:
    reading = FORMATS[style].read(text)
    return (reading.answer, reading.tier) if reading else None


def test_the_instruction_stands_below_the_question():
    form = AnswerFormat(style=AnswerStyle.hash, instruction="End.", system=None, thinking=None)
    assert form.ask(problem()) == [{"role": "user", "content": "1 + 1?\nEnd."}]


def test_the_options_stand_between_question_and_instruction():
    form = AnswerFormat(style=AnswerStyle.letter, instruction="End.", system=None, thinking=None)
    assert form.ask(problem("2", "3"))[0]["content"] == "1 + 1?\nA. 2\nB. 3\nEnd."


def test_the_system_message_comes_first():
    form = AnswerFormat(style=AnswerStyle.hash, instruction="", system="Be exact.", thinking=None)
    assert form.ask(problem()) == [
        {"role": "system", "content": "Be exact."},
        {"role": "user", "content": "1 + 1?"},
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9 * 2 = <<9*2=18>>18\n#### 18", ("18", "hash")),
        ("#### 18\n\n(Note: the answer is negative.)", ("18", "hash")),
        ("#### 18 #### 20", ("20", "hash")),
        ("##### 18", ("18", "hash")),
        ("#### 18\n####", ("18", "hash")),
        ("\\boxed{160} then \\boxed{330} so #### 5", ("5", "hash")),
        ("#### Total Female Fishes\n11\nshe has \\(\\boxed{5}\\) more", ("5", "boxed")),
        ("#### Step 2\nsubtract: \\boxed{5}", ("5", "boxed")),
        ("#### **Step 2**\nsubtract: \\boxed{5}", ("5", "boxed")),
        ("#### Final Answer:\n\\boxed{5}", ("5", "boxed")),
        ("#### 18\n#### 1. Eggs Laid\nSixteen.\n#### 2. Eggs Sold\nNine.", ("18", "hash")),
        ("#### 18. That is all.\nGoodbye.", ("18. That is all.", "hash")),
        ("#### 2. Eggs Sold", ("2. Eggs Sold", "hash")),
        ("#### New York", ("New York", "hash")),
        ("13 * 2 = $26\nA: 26", ("26", "line")),
        ("Final Answer: The final answer is $6$. I hope it is correct. 5", ("$6$", "phrase")),
        ("**Final Answer:** 3.50 dollars.", ("3.50 dollars", "phrase")),
        ("The answer is: **18**\nbecause", ("**18**", "phrase")),
        ("The answer is (B).", ("(B)", "phrase")),
        ("THE ANSWER IS .5", (".5", "phrase")),
        ("print(2 + 3)\n```output\n5\n```\nThat is 5 in 15 minutes.", ("5", "output")),
        ("```output\n\n```\nThe answer is 5.", ("5", "phrase")),
        ("<think>#### 4</think>#### 5", ("5", "hash")),
        ("<think>#### 4</think>", None),
        ("<think>#### 4", None),
        ("She makes $18 every day.", None),
        ("", None),
    ],
)
def test_the_last_complete_marker_is_read(text: str, expected: tuple[str, str] | None):
    assert answer_and_tier(AnswerStyle.hash, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("costs \\boxed{160}, \\boxed{330} and \\boxed{\\frac{1}{2}}.", "\\frac{1}{2}"),
        ("\\boxed{a \\{ b}", "a \\{ b"),
        ("\\boxed{\\boxed{5}}", "5"),
        ("\\boxed{4} and then \\boxed{5", "4"),
        ("\\boxed{4} and then \\boxed{ }", "4"),
        ("{\\boxed{4} and \\boxed", "4"),
        ("\\fbox{5}", "5"),
        ("$\\\\boxed{5}$", "5"),
        ("\\boxed {5}", "5"),
        ("\\boxed{\\text{the answer is } 5}", "\\text{the answer is } 5"),
        ("\\boxed{}", None),
    ],
)
def test_the_last_closed_box_is_read(text: str, expected: str | None):
    reading = BOXED.read(text)
    assert (reading and reading.answer) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>2 + 3</think><answer>5</answer>", "5"),
        ("<answer>x<5</answer>", "x<5"),
        ("<answer><b>5</b></answer>", "<b>5</b>"),
        ("<answer>5</answer><answer>6</answer>", "6"),
        ("<answer>5</answer><answer> </answer>", "5"),
        ("<answer>5</answer><answer>6", "5"),
        ("<answer>5<answer>6</answer></answer>", "6"),
        ("<answer>5 <answer> </answer>", None),
        ("5</answer>", None),
    ],
)
def test_the_last_closed_tag_is_read(text: str, expected: str | None):
    reading = FORMATS[AnswerStyle.tags].read(text)
    assert (reading and reading.answer) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"reasoning": "9 eggs, $2", "answer": "18"}', "18"),
        ('{"reasoning": "9 eggs", "answer": 18}', "18"),
        ('{"answer": 1,234}', "1,234"),
        ('{"answer": 5, "unit": "m"}', "5"),
        ('{"answer": "5", "answer": "6"}', "6"),
        ('```json\n{"answer": "0.08, or 8%"}\n```', "0.08, or 8%"),
        ('{"answer": "67\\""}', '67"'),
        ('{"answer": "say \\"answer\\": 5"}', 'say "answer": 5'),
        ('{"answer": "\\\\frac{1}{2}"}', "\\frac{1}{2}"),
        ('{"answer": "\\frac{1}{2} \\times \\sqrt{2}"}', "\\frac{1}{2} \\times \\sqrt{2}"),
        ('{"answer": "5\\tand 6"}', "5\tand 6"),
        ('{"answer": "5\\u00a0feet"}', "5\u00a0feet"),
        ('{"answer": "\\ud83d\\ude00 5"}', "\U0001f600 5"),
        ('{"answer": "\\ud83d 5"}', "\ufffd 5"),
        ('{"answer": "line\nbreak"}', "line\nbreak"),
        ('{"answer": {"answer": 5}}', "5"),
        ('{"answer": "4"} {"answer": [5]}', "4"),
        ('{"answer": null}', None),
        ('{"answer": [5]}', None),
        ('{"answer": {}}', None),
        ('{"answer": "5', None),
        ("[" * 100_000, None),
    ],
    ids=lambda text: text and text[:40],
)
def test_the_last_text_or_number_under_the_key_is_read(text: str, expected: str | None):
    reading = FORMATS[AnswerStyle.json].read(text)
    assert (reading and reading.answer) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Answer: B", ("B", "letter")),
        ("**Answer:** B", ("B", "letter")),
        ("Final answer: B. make more calls", ("B. make more calls", "letter")),
        ("Answer: A\nNo.\nAnswer: B\nDone.", ("B", "letter")),
        ("Answer: A\nNo, the answer is (B).", ("(B)", "phrase")),
        ("The answer is (A).\nAnswer: B", ("B", "letter")),
        ("\\boxed{A} so the answer is B", ("B", "phrase")),
        ("Answer: St. Louis", ("St. Louis", "letter")),
        ("so \\boxed{A}", ("A", "boxed")),
    ],
)
def test_the_letter_style_reads_a_line_or_a_phrase(text: str, expected: tuple[str, str]):
    assert answer_and_tier(AnswerStyle.letter, text) == expected


def test_the_formats_own_style_is_read_first():
    text = '{"answer": "1"} <answer>2</answer> \\boxed{3}\n#### 4\nAnswer: 5\nThe answer is 6.'
    read = {style: answer_and_tier(style, text) for style in AnswerStyle}
    assert read == {
        AnswerStyle.json: ("1", "json"),
        AnswerStyle.tags: ("2", "tags"),
        AnswerStyle.boxed: ("3", "boxed"),
        AnswerStyle.hash: ("4", "hash"),
        AnswerStyle.letter: ("6", "phrase"),
    }


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("#### 4", False),
        ("#### 4\n", True),
        ("\\boxed{4}", True),
        ("The answer is 4", False),
        ("The answer is 4.", False),
        ("The answer is 4. So", True),
        ("Answer: 4", False),
        ("<answer>4</answer>", True),
        ('{"answer": 4}', True),
    ],
)
def test_an_answer_is_closed_where_no_later_token_could_change_it(text: str, closed: bool):
    reading = HASH.read(text)
    assert reading
    assert reading.closed is closed


ANSWERS = st.one_of(
    st.from_regex(r"-?[1-9][0-9]{0,12}(\.[0-9]{1,4})?", fullmatch=True),
    st.sampled_from(
        ["Paris", "1/2", "x<5", "\\frac{1}{2}", '6" \\{a\\}', "{1, 2}", "3 #1", "a\\b"]
    ),
)
TAILS = st.text(st.characters(blacklist_characters="#\\<", blacklist_categories=["Cs"]))


@every_style
@given(answer=ANSWERS, tail=TAILS)
def test_what_is_written_is_read_whatever_follows(style: AnswerStyle, answer: str, tail: str):
    assume("nswer" not in tail.lower())
    text = f"Some steps.\n{FORMATS[style].write(answer)}\n{tail}"
    assert answer_and_tier(style, text) == (answer, style)


PRINTED = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1)


@pytest.mark.parametrize("style", [AnswerStyle.json, AnswerStyle.tags])
@given(PRINTED)
def test_styles_with_an_end_of_their_own_carry_any_text(style: AnswerStyle, answer: str):
    assume(answer == answer.strip() and "answer>" not in answer and "think>" not in answer)
    assert answer_and_tier(style, FORMATS[style].write(answer)) == (answer, style)


NESTED = st.recursive(
    st.sampled_from(["a", "b c", "\\{", "\\}", "\\\\", "\\frac12", "\\sqrt"]),
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(
        lambda parts: f"{{{''.join(parts)}}}"
    ),
)


@given(NESTED)
def test_a_box_carries_any_text_whose_braces_match(answer: str):
    text = f"{{\\boxed{{4}} {BOXED.write(answer)} \\boxed{{"
    assert answer_and_tier(AnswerStyle.boxed, text) == (answer, "boxed")


@every_style
@given(st.text(st.characters()))
def test_any_text_can_be_read_and_what_is_read_can_be_stored(style: AnswerStyle, text: str):
    for reading in (FORMATS[style].read(text), FORMATS[style].read(FORMATS[style].write(text))):
        assert isinstance(reading, Reading | None)
        assert reading is None or reading.answer.encode()


HOSTILE = [
    *("#{}<\\ \n1\"'*.-$\0\u202e\ud800"),
    *("\\boxed{", "{}", "<answer>", "</answer>", "<answer></answer>", "<think>", "</think>"),
    *('"answer": "', '"answer": "\\', '"answer": 1,234', "```output\n", "A:", "\nA:", "####"),
    *("#### ", "#### A", "#### 1. A\n", "#### 1. A b", "The answer is ", "answer: ", "\nAnswer: "),
]


@every_style
@pytest.mark.parametrize("unit", HOSTILE, ids=ascii)
def test_hostile_text_is_read_in_bounded_time(style: AnswerStyle, unit: str):
    text = unit * (1_000_000 // len(unit))
    start = time.perf_counter()
    for prefix in ("", "\\boxed{", '{"answer": "', "#### ", "<answer>"):
        FORMATS[style].read(prefix + text)
    assert time.perf_counter() - start < 3


def test_a_long_text_is_read_from_its_end():
    assert answer_and_tier(AnswerStyle.hash, "x" * 1_000_000 + "\n#### 4") == ("4", "hash")


@pytest.mark.parametrize("style", list(AnswerStyle))
def test_blanks_without_end_hide_no_answer(style: AnswerStyle) -> None:
    form = AnswerFormat(style=style, instruction="", system=None, thinking=None)
    reading = form.read(f"So {form.write('18')}" + " \n" * 50_000)
    assert reading is not None
    assert (reading.answer, reading.closed) == ("18", True)
