"""What holds for the choice verifier whatever a response holds."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from advdistill.answers import LETTERS, AnswerStyle
from advdistill.records import Verdict
from tests.unit.verifier.choosing import CHOICES, TEN, found, judge

styles = st.sampled_from(list(AnswerStyle))
letters = st.sampled_from(LETTERS[:10])
words = st.sampled_from(
    ["We walk", "it costs 5 dollars", "on A Street", "I know", "cats", "(see below)", "2 + 2 = 4"]
)
proses = st.lists(words, max_size=6).map(lambda said: ". ".join([*said, ""]).strip())
MARKERS = [
    "\\boxed{{{}}}",
    "#### {}",
    "<answer>{}</answer>",
    '{{"answer": "{}"}}',
    "The answer is {}.",
    "the Answer is: {}",
    "Answer: {}",
    "**ANSWER:** {}",
]
LABELS = ["{}", "({})", "**{}**", "{}.", "({0}) {0}{0} of it", "Option {}", "\\text{{{}}}"]
PIECES = [
    *("A", "B", "(C)", "[D]", "I", "a", "\\boxed{", "}", "####", "<answer>", "</answer>", "Q:"),
    *('"answer":', "answer", "is", "not", "or", "and", ",", ".", "\n", " ", "**", "so", "best"),
    *("<think>", "</think>", "\\text{", "\\frac{1}{2}", "5", "walk to the office", "\ud800", "\0"),
]


@settings(max_examples=200, deadline=None)
@given(letter=letters, marker=st.sampled_from(MARKERS), label=st.sampled_from(LABELS), style=styles)
def test_marker_case_bold_and_brackets_change_nothing(
    letter: str, marker: str, label: str, style: AnswerStyle
) -> None:
    text = marker.format(label.format(letter))
    assert found(text, choices=TEN, style=style) == letter


@settings(max_examples=200, deadline=None)
@given(before=proses, after=proses, letter=letters, style=styles)
def test_text_around_the_answer_changes_nothing(
    before: str, after: str, letter: str, style: AnswerStyle
) -> None:
    text = f"{before} The answer is ({letter}).\n{after}"
    assert found(text, choices=TEN, style=style) == letter


@settings(max_examples=200, deadline=None)
@given(said=letters, gold=letters, marker=st.sampled_from(MARKERS), style=styles)
def test_another_letter_never_passes(said: str, gold: str, marker: str, style: AnswerStyle) -> None:
    reward = judge(marker.format(said), gold=gold, choices=TEN, style=style)
    assert (reward.verdict is Verdict.passed) == (said == gold)
    assert reward.answer == said


@settings(max_examples=200, deadline=None)
@given(
    pair=st.lists(letters, min_size=2, max_size=4, unique=True),
    joint=st.sampled_from([" or ", " and ", ", ", "/", " & ", ", or "]),
    label=st.sampled_from(["{}", "({})", "**{}**"]),
    marker=st.sampled_from(MARKERS),
    style=styles,
)
def test_several_letters_never_pass(
    pair: list[str], joint: str, label: str, marker: str, style: AnswerStyle
) -> None:
    text = marker.format(joint.join(label.format(letter) for letter in pair))
    for gold in pair:
        assert judge(text, gold=gold, choices=TEN, style=style).verdict is Verdict.unparsed


texts = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(categories=["Cs", "Cc", "Cf", "Lu", "Po"]), max_size=30),
    st.lists(st.sampled_from(PIECES), max_size=20).map(" ".join),
    st.lists(st.sampled_from(PIECES), max_size=20).map("".join),
)


@settings(max_examples=500, deadline=None)
@given(text=texts, style=styles, choices=st.sampled_from([CHOICES, TEN, ("5", "55"), None]))
@example(text="\ufb06", style=AnswerStyle.boxed, choices=CHOICES)
def test_every_text_gets_one_of_three_verdicts(
    text: str, style: AnswerStyle, choices: tuple[str, ...] | None
) -> None:
    reward = judge(text, choices=choices, gold="A", style=style)
    assert reward.verdict in (Verdict.passed, Verdict.failed, Verdict.unparsed)
    assert (reward.answer is None) == (reward.verdict is Verdict.unparsed)
    assert reward.answer is None or reward.answer in LETTERS[: len(choices or LETTERS)]
    assert (reward.detail is None) == (reward.verdict is not Verdict.unparsed)


@settings(max_examples=500, deadline=None)
@given(text=texts, letter=letters, marker=st.sampled_from(MARKERS), style=styles)
def test_the_short_way_for_plain_endings_finds_what_the_long_way_finds(
    text: str, letter: str, marker: str, style: AnswerStyle
) -> None:
    ending = f"{text} {marker.format(letter)}"
    by_letter = judge(ending, choices=TEN, gold="B", style=style)
    # A gold answer in brackets is not plain: the short way is not taken.
    assert by_letter == judge(ending, choices=TEN, gold="(B)", style=style)


FLOODS = [
    *("A", "(", "(B) ", "\\boxed{", "\\boxed{A} or ", "answer is ", "the answer is B or ", "so B "),
    *("A or ", "best ", "\n", "\nQuestion:", " ", ". ", "*", "1", "<think>", "<answer>", "\u200b"),
    *("B is the best ", "not the answer is (B) ", '"answer": ', "#### ", "A. ", "B\n", "(A)", ","),
]


@pytest.mark.parametrize("piece", FLOODS)
@pytest.mark.parametrize("style", [AnswerStyle.boxed, AnswerStyle.letter])
def test_a_megabyte_of_anything_is_judged_at_once(piece: str, style: AnswerStyle) -> None:
    begun = time.process_time()
    judge(piece * (1_000_000 // len(piece)), style=style)
    judge("\\boxed{" + piece * (1_000_000 // len(piece)) + "}", style=style)
    assert time.process_time() - begun < 3
