"""The choice verifier on responses that state their answer in prose, as models do."""

import pytest

from advdistill.answers import AnswerStyle
from tests.unit.verifier.choosing import TEN, found

UNPARSED = "unparsed"
every_style = pytest.mark.parametrize("style", list(AnswerStyle))


@every_style
@pytest.mark.parametrize(
    "text",
    [
        "The answer is B because the others are slow.",
        "The answer is: (B)",
        "The correct answer is **(B) take the early train**.",
        "The answer must be B, not A.",
        "The answer is B rather than A.",
        "The answer is B (take the early train).",
        "The answer is B - take the early train",
        "The answer is take the early train.",
        "The answer is option (B), since the others are slow.",
        "The answer is \u201cB\u201d.",
        "The answer is not A. The answer is B.",
        "The answer isn't A, it's B.",
        "It is not A, C or D. The answer is B.",
        "Final Answer:\nB. take the early train",
        "**Final Answer**\n\n**(B)**",
        "So, the answer is\n\nB",
        "My answer: (B)",
        "ANSWER: B",
        "\u7b54\u6848\u662fB",
        "\u7b54\u6848\uff1aB",
        "Correct option: B",
        "the correct option is B",
        "The closest one is (B).",
        "The answer is not among the choices, but the closest is (B).",
        "The most logical choice would be to take the train (B).",
        "This leaves us with the correct choice, which is (B) take the early train. It is fast.",
        "The best option here is therefore B.",
        "Among these, (B) is the most logical choice.",
        "A is wrong because walking is slow. B is right.",
        "(A) is slow, so (B) take the early train is the correct answer.",
        "Hence B is the correct answer.",
        "Therefore, (B).",
        "Thus: B",
        "I choose B.",
        "I would go with option B.",
        "We are left with (B).",
        "This leaves us with option B.",
        "I lean towards (B), since it is fast.",
        "It is (B).",
        "A: it is slow.\nB: it is fast.\nC: no.\nD: no.\nThe answer is B.",
        "Walking costs time. The only one that is in time is (B).",
        "The best way is to take the early train.",
        "The answer is B\nA person who runs is late.",
        "The answer is B. So A, C and D are not right.",
    ],
)
def test_the_last_statement_is_read(text: str, style: AnswerStyle) -> None:
    assert found(text, style=style) == "B"


@every_style
@pytest.mark.parametrize(
    "text",
    [
        "The answer is not B.",
        "I don't think the answer is B.",
        "The answer cannot be B.",
        "The answer is (B) is not correct.",
        "B is not right.",
        "B is wrong.",
        "If B is correct, we are late.",
        "Neither A nor B",
        "None of (B) or the others.",
        "So B is slow.",
        "Therefore, B was built later.",
        "Is it to take the early train?",
        "They did not take the early train.",
        "Either stay at home or take the early train",
        "First walk to the office, then take the early train",
    ],
)
def test_what_is_denied_or_left_open_is_no_statement(text: str, style: AnswerStyle) -> None:
    assert found(text, style=style) == UNPARSED


@every_style
@pytest.mark.parametrize(
    "text",
    [
        "A\nB\nC\nD",
        "A. walk to the office\nB. take the early train",
        "Answer:\nA. walk to the office\nB. take the early train",
        "Option A: walk to the office\nOption B: take the early train",
        "Answer Choices: (A) walk to the office (B) take the early train",
    ],
)
def test_a_list_of_the_options_is_no_answer(text: str, style: AnswerStyle) -> None:
    assert found(text, style=style) == UNPARSED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I think the answer is D because I like it. (A) is also fine.", "D"),
        ("(C) seems right, but (D) is the best answer.", "D"),
        ("The answer choices are (A) x and (B) y. I choose (B).", "B"),
        ("The answer is (F) and (E). The answer is (I).", "I"),
        ("The answer is (C). So I, being sure, stop.", "C"),
        ("The answer is A? No. The answer is B.", "B"),
        ("The answer is (D) or (J), but the most fitting answer is (D) as it is direct.", "D"),
        ("The answer is (A), (B), (C), (E).", UNPARSED),
        ("The answer is (B, D, or E).", UNPARSED),
        ("The answer is E = mc^2.", UNPARSED),
        ("The answer is (E)-2-butene.", UNPARSED),
    ],
)
def test_of_several_statements_the_last_one_counts(text: str, expected: str) -> None:
    assert found(text, choices=TEN) == expected


@pytest.mark.parametrize("blank", [" ", "\n", "\t \n"])
def test_a_long_blank_end_hides_nothing_and_breaks_nothing(blank: str) -> None:
    assert found("(B)" + blank * 20_000) == "B"
    assert found("Let me think." + blank * 20_000) == "unparsed"
    assert found("Let me think." + blank * 2_000) == "unparsed"
