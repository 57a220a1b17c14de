"""The choice verifier: marked answers, options, gold answers and cut-off responses."""

import json
from pathlib import Path

import pytest

from advdistill.answers import AnswerStyle
from advdistill.records import Finish, Verdict
from tests.unit.verifier.choosing import CHOICES, TEN, found, judge

UNPARSED = "unparsed"
every_style = pytest.mark.parametrize("style", list(AnswerStyle))
NUMBERS = ("5", "55", "6", "1/2")


@every_style
@pytest.mark.parametrize(
    "text",
    [
        "B",
        "b",
        "(B)",
        "(b)",
        "B.",
        "B)",
        "[B]",
        "**B**",
        "`B`",
        "B\x00",
        "\u200fB",
        "\uff22",
        "\u24b7",
        "option b",
        "Option (B)",
        "answer: b",
        "Answer: Option B",
        "**Answer:** B",
        "Answer: B \u2705",
        "Answer:\nB",
        "\\boxed{B}",
        "\\boxed{b}",
        "\\boxed{(B)}",
        "\\boxed{\\text{B}}",
        "\\boxed{\\textbf{(B)}}",
        "$\\boxed{\\mathrm{B}}$",
        "\\boxed{B. take the early train}",
        "\\boxed{(B) \\text{ take the early train}}",
        "\\boxed{take\\ the early train}",
        "\\boxed{B} take the early train",
        "#### B",
        "#### (B) take the early train",
        "<answer>B</answer>",
        "<answer>take the early train</answer>",
        '{"answer": "B"}',
        '{"reasoning": "A is slow", "answer": "B"}',
        "Take the early train.",
        "B. take the early train",
        "B take the early train",
        "B\n\nA and C are too slow.",
        "The answer is (B) take the early train",
        "<think>The answer is A.</think>B",
    ],
)
def test_one_letter_or_its_text_is_read_in_every_format(text: str, style: AnswerStyle) -> None:
    assert found(text, style=style) == "B"


@every_style
@pytest.mark.parametrize(
    "text",
    [
        "A or B",
        "A, B",
        "A/B",
        "A & B",
        "A and B",
        "both A and C",
        "either (A) or (B)",
        "(A), (B)",
        "\\boxed{A, B}",
        "\\boxed{A \\text{ or } B}",
        "\\boxed{(A) walk to the office or (B) take the early train}",
        "\\boxed{A} or \\boxed{B}",
        "\\boxed{A} walk to the office and \\boxed{B} take the early train",
        "#### A or B",
        "<answer>A, B</answer>",
        '{"answer": "A or B"}',
        "The answer is (A) and (B).",
        "The correct answer is either (A) walk to the office or (B) take the early train.",
    ],
)
def test_two_letters_are_no_answer_and_are_named(text: str, style: AnswerStyle) -> None:
    reward = judge(text, style=style)
    assert (reward.verdict, reward.answer) == (Verdict.unparsed, None)
    assert reward.detail is not None
    assert reward.detail.startswith("more than one option: A, ")


@every_style
@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "Boats are nice",
        "A person who is late runs.",
        "A person",
        "The answer is A person.",
        "I",
        "I am not sure.",
        "So I cannot say.",
        "Thus, I, as a model, cannot say.",
        "Plan B is to run.",
        "vitamin B",
        "C++",
        "B+",
        "A-B",
        "A.B.",
        "\\boxed{AB}",
        "\\boxed{42}",
        "\\boxed{",
        "\\boxed{}",
        "Correct option: \u2461",
        "\ufb06",
        "the train",
        "don't take the early train",
        "<think>B",
        "<think>B</think>",
        "E",
        "\\boxed{(E)}",
        "The answer is E.",
        "The answer is C > D",
    ],
)
def test_what_names_none_of_the_options_is_no_answer(text: str, style: AnswerStyle) -> None:
    assert found(text, style=style) == UNPARSED


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("\\boxed{None of the above}", "says that no option is right"),
        ("The answer is not among the choices.", "says that no option is right"),
        ("\\boxed{E}", "option E, but the last one is D"),
        ("Well.", "no option found"),
    ],
)
def test_the_detail_says_why_there_is_no_answer(text: str, detail: str) -> None:
    assert judge(text).detail == detail


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("\\boxed{B}", "boxed"),
        ("So \\boxed{B} it is.", "boxed"),
        ("\\boxed{take the early train}", "boxed_text"),
        ("#### B", "hash"),
        ("The answer is B", "statement"),
        ("The answer is take the early train.", "statement_text"),
        ("B", "alone"),
        ("That would be (B).", "mention"),
        ("The best is to take the early train.", "ending_text"),
    ],
)
def test_the_tier_says_how_the_answer_was_read(text: str, tier: str) -> None:
    reward = judge(text)
    assert (reward.verdict, reward.answer, reward.tier) == (Verdict.passed, "B", tier)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", "A"),
        ("55", "B"),
        ("5.0", "A"),
        ("$5", "A"),
        ("5 apples", "A"),
        ("0.5", "D"),
        ("\\frac{1}{2}", "D"),
        ("\\boxed{55}", "B"),
        ("The answer is 5.", "A"),
        ("The answer is (55).", "B"),
        ("So x is 6.", "C"),
        ("So he has 6.", UNPARSED),
        ("The answer is 5.5.", UNPARSED),
        ("555", UNPARSED),
        ("-5", UNPARSED),
        ("5x", UNPARSED),
        ("5 or 6", UNPARSED),
        ("\\boxed{5, 6}", UNPARSED),
        ("It is 5, so 55.", UNPARSED),
    ],
)
def test_a_number_names_the_option_that_equals_it_as_a_whole(text: str, expected: str) -> None:
    assert found(text, choices=NUMBERS) == expected


@pytest.mark.parametrize(
    ("text", "choices", "expected"),
    [
        ("1000", ("100", "$1,000"), "B"),
        ("50", ("50%", "20%"), "A"),
        ("2", ("2x", "3x"), UNPARSED),
        ("2", ("2\\pi", "3"), UNPARSED),
        ("3*4", ("34", "12"), UNPARSED),
        ("5.00", ("5", "5.0"), UNPARSED),
        ("AA", ("AA", "Aa", "aa"), "A"),
        ("aa", ("AA", "Aa", "aa"), "C"),
        ("aA", ("AA", "Aa", "aa"), UNPARSED),
        ("[0, 1]", ("(0, 1)", "[0, 1]"), "B"),
        ("0, 1", ("(0, 1)", "[0, 1]"), UNPARSED),
        (".8 lb", ("8 lb", ".8 lb"), "B"),
        (".8", ("8", "80"), UNPARSED),
        ("(B) cannot be undone", ("undone", "cannot be undone"), "B"),
        ("cats", ("dogs", "cats", "cats"), UNPARSED),
        ("\\boxed{b}", ("a", "2a", "b"), "C"),
        ("\\boxed{B}", ("O", "A", "B"), "B"),
        ("vitamin C", ("vitamin A", "vitamin C"), "B"),
        ("The answer is none of the above.", ("red", "none of the above"), "B"),
        ("cats or dogs", ("cats", "cats or dogs"), "B"),
    ],
)
def test_an_option_is_named_by_the_one_spelling_that_is_its_own(
    text: str, choices: tuple[str, ...], expected: str
) -> None:
    assert found(text, choices=choices, gold="A") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The answer is I.", "I"),
        ("\\boxed{I}", "I"),
        ("I", "I"),
        ("So I think the answer is (C).", "C"),
        ("I think so.", UNPARSED),
        ("Thus, I, as a model, cannot say.", UNPARSED),
        ("I and my friend like it.", UNPARSED),
        ("The answer is a.", "A"),
        ("I would choose A.", "A"),
        ("A person would choose (D).", "D"),
        ("Choose A person.", UNPARSED),
    ],
)
def test_neither_the_article_nor_the_pronoun_is_a_letter(text: str, expected: str) -> None:
    assert found(text, choices=TEN) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Z", "Z"),
        ("\\boxed{Q}", "Q"),
        ("The answer is (C) people.", "C"),
        ("A or B", UNPARSED),
        ("take the early train", UNPARSED),
        ("A person", UNPARSED),
    ],
)
def test_without_options_only_letters_count(text: str, expected: str) -> None:
    assert found(text, choices=None) == expected


@every_style
@pytest.mark.parametrize("gold", ["B", "(B)", "b", "Option B", "take the early train", "B. x"])
def test_a_gold_answer_is_a_letter_or_the_text_of_an_option(gold: str, style: AnswerStyle) -> None:
    assert judge("The answer is (B).", gold=gold, style=style).verdict is Verdict.passed
    assert judge("The answer is (C).", gold=gold, style=style).verdict is Verdict.failed


@pytest.mark.parametrize(
    ("gold", "choices", "detail"),
    [
        ("42", CHOICES, "the gold answer is '42'; wanted the letter or text of one of 4 options"),
        ("E", CHOICES, "the gold answer is 'E'; wanted the letter or text of one of 4 options"),
        ("A or B", CHOICES, "the gold answer is 'A or B'; wanted the letter or text of one of 4"),
        ("bananas", None, "the gold answer is 'bananas'; wanted the one letter"),
        ("\ud800", None, "the gold answer is '\\ud800'; wanted the one letter"),
        ("A", (), "the gold answer is 'A'; wanted the letter or text of one of 0 options"),
        ("A", tuple(map(str, range(27))), "27 options; wanted at most 26, one for each letter"),
    ],
)
def test_a_question_that_cannot_be_judged_is_an_error(
    gold: str, choices: tuple[str, ...] | None, detail: str
) -> None:
    reward = judge("B", gold=gold, choices=choices)
    assert (reward.verdict, reward.value) == (Verdict.error, None)
    assert (reward.detail or "").startswith(detail)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\\boxed{B}", "B"),
        ("The answer is (B)", "B"),
        ("The answer is B. Now", "B"),
        ("B is right. Then", "B"),
        ("The answer is (B).\n\nQuestion: What", "B"),
        ("The answer is B", "truncated"),
        ("The answer is B.", "truncated"),
        ("#### B", "truncated"),
        ("\\boxed{B", "truncated"),
        ("B", "truncated"),
        ("The best is to take the early train.", "truncated"),
    ],
)
def test_a_response_cut_off_before_its_answer_ends_is_truncated(text: str, expected: str) -> None:
    assert found(text, finish=Finish.length) == expected


def test_a_failed_response_is_an_error() -> None:
    assert judge("B", finish=Finish.error).verdict is Verdict.error


@every_style
@pytest.mark.parametrize(
    "text",
    [
        "\\boxed{A}\n\\boxed{B}",
        "The answer is A. Wait, no. The answer is B.",
        "The answer is (B).\n\nQuestion: And by night?\nThe answer is (A).",
        "The answer is (B).\n\nQ: And by night?\n\\boxed{A}",
        "Question: How?\nThe answer is B.",
        "The answer is B, not A.",
        "\\boxed{B}. Note that (A) and (C) are slow.",
    ],
)
def test_the_last_answer_to_this_very_question_counts(text: str, style: AnswerStyle) -> None:
    assert found(text, style=style) == "B"


@pytest.mark.parametrize(
    ("style", "expected"),
    [(AnswerStyle.boxed, "C"), (AnswerStyle.letter, "B"), (AnswerStyle.hash, "C")],
)
def test_the_formats_own_marker_comes_first(style: AnswerStyle, expected: str) -> None:
    assert found("Answer: B\nSo \\boxed{C}", style=style) == expected


def test_a_box_that_names_no_option_stands() -> None:
    assert found("The answer is B. \\boxed{42}") == UNPARSED
    assert found("\\boxed{42}. So the answer is B.") == "B"


@pytest.mark.data
def test_every_firm_example_gets_its_verdict(data: Path) -> None:
    rows = [json.loads(line) for line in (data / "verifier_examples.jsonl").open()]
    examples = [row for row in rows if row["kind"] == "choice"]
    styles = (AnswerStyle.boxed, AnswerStyle.letter, AnswerStyle.hash)
    wrong = [
        (row["id"], style)
        for row in examples
        for style in styles
        if _passes(row, style) != row["expected"]
    ]
    assert len(examples) == 20
    assert wrong == []


def _passes(row: dict, style: AnswerStyle) -> bool:
    choices = tuple(row["choices"].values())
    reward = judge(row["response"], gold=row["gold"], choices=choices, style=style)
    return reward.verdict is Verdict.passed
