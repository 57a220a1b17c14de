"""Where an answer may stand in a text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advdistill.verifier.expressions import (
    boxes,
    has_maths,
    is_denial,
    joined_boxes,
    leading_or_last,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("So $x=2$ and $y = \\frac{1}{2}$ is it", "x=2 , y = \\frac{1}{2}"),
        ("We get $5$. Hence \\( 7 \\)", " 7 "),
        ("Thus \\[\n 9 \n\\]", "\n 9 \n"),
        ("$1$ and $2$ and $3$", "1 , 2 , 3"),
        ("$28$ percent", "28\\%"),
        ("the total is \\frac{4}{23}", "\\frac{4}{23}"),
        ("P(A) = 2/3. Therefore the probability is 2/3. <|end|>", "2/3"),
        ("100 - 30 = 70", "70"),
        ("(35 + 70 = 105).", "105"),
        ("it costs $7.78 and no more", "$7.78"),
        ("from $10 to $20", "$20"),
        ("4 4/9.", "4 4/9"),
        ("\u603b\u517113\u53ea", "13"),
        ("XDY2K", None),
        ("cut off here$ is it, and $y = 3x$ too", "y = 3x"),
        ("we get x - 5", None),
        ("we get x-5", None),
        ("which is $f^{-1}(a", None),
        ("= \\frac{3 - \\sqrt{5", None),
        ("\\boxed{5", "5"),
        ("a drop of -5 degrees", "-5"),
        ("no number here", None),
        ("", None),
        ("$5$ since $2+3=5$ and not 6", "5"),
    ],
)
def test_the_leading_or_the_last_expression_is_found(text: str, expected: str | None):
    assert leading_or_last(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\\boxed{1} and \\boxed{2}", "1 , 2"),
        ("\\(\\boxed{1}\\), \\(\\boxed{2}\\), or \\(\\boxed{3}\\)", "1 , 2 , 3"),
        ("\\boxed{3} ... wait, \\boxed{4}", None),
        ("\\boxed{3}. So the answer is \\boxed{4}", None),
        ("\\boxed{1}", None),
        ("no box", None),
    ],
)
def test_boxes_of_one_sentence_are_joined(text: str, expected: str | None):
    assert joined_boxes(text) == expected


def test_boxes_are_closed_and_not_blank():
    text = "\\boxed{\\frac{1}{2}} \\fbox{x} \\boxed{ } \\boxed{5"
    assert [span.latex for span in boxes(text)] == ["\\frac{1}{2}", "x"]


def test_a_denial_is_no_answer():
    assert is_denial("It cannot be determined; $x+1$ is unknown")
    assert not is_denial("It is $x+1$")


def test_prices_are_no_mathematics():
    assert has_maths("$x+1$")
    assert not has_maths("It costs $5 and the other $7")


@settings(max_examples=200)
@given(st.text(st.sampled_from("$\\()[]{}1a ,.\n%"), max_size=300))
def test_every_text_is_searched(text: str):
    found = leading_or_last(text)
    assert found is None or len(found) <= len(text) + 10 * text.count("$")
