"""Answers that are typeset differently give the same tokens."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advdistill.verifier.latex import MAX_CHARACTERS, spelled, tokens

PIECES = [
    *["\\frac", "\\dfrac", "\\sqrt", "\\text{", "\\left(", "\\right]", "\\begin{pmatrix}", "\\\\"],
    *["\\end{pmatrix}", "{", "}", "(", ")", "[", "]", "^", "_", "&", "$", "\\$", "%", "\\%", "!"],
    *["1", "23", "1,234", ".5", "x", "Evelyn", "\\pi", "\\cup", "\\pm", "=", ",", ";", "+", "-"],
    *["\\binom", "\\text{cm}", "^\\circ", "\u00b2", "\u2212", "\u0663", "\0", "\ud800", " ", "\n"],
]
SOUP = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        ("\\dfrac12", "\\frac{1}{2}"),
        ("{\\tfrac{1}{2}}", "\\frac{1}{2}"),
        ("\\frac1{72}", "\\frac{1}{72}"),
        ("\\frac{\\sqrt6}2", "\\frac{\\sqrt{6}}{2}"),
        ("\\frac\\pi2", "\\frac{\\pi}{2}"),
        ("\\\\frac{1}{2}", "\\frac{1}{2}"),
        ("\\sqrt[3]{x}", "\\sqrt[3]{x}"),
        ("sqrt(3)/2", "\\sqrt{3}/2"),
        ("2^\\frac12", "2^{\\frac{1}{2}}"),
        ("x^-1", "x^{-1}"),
        ("2**10", "2^{10}"),
        ("2x^(1/2)", "2x^{1/2}"),
        ("x\u00b9\u2070", "x^{10}"),
        ("x_1^2", "x_{1}^{2}"),
        ("\\left( \\frac{1}{2}, \\, 3 \\right]", "(\\frac{1}{2},3]"),
        ("3 \\times 4", "3\\cdot4"),
        ("2 * \u03c0", "2\\cdot\\pi"),
        ("2 \\leq x", "2\\le x"),
        ("1\\, 2", "1 2"),
        ("90^\\circ", "90"),
        ("20^{\\circ}C", "20"),
        ("\\$32,\\!348", "32348"),
        ("10{,}000", "10000"),
        ("1 000 000", "1000000"),
        ("1 1/2", "1\\frac{1}{2}"),
        ("1.5e-3", "1.5\\cdot10^{-3}"),
        ("28 percent", "28%"),
        ("\\mathrm{e}", "e"),
        ("7, -2, \\text{ and } -5", "7,-2,,-5"),
        ("\\begin{bmatrix} 1 & 2 \\end{bmatrix}", "\\begin{matrix}1&2\\end{matrix}"),
    ],
)
def test_spellings_of_one_answer_agree(latex: str, expected: str):
    assert spelled(tokens(latex)) == expected
    assert spelled(tokens(expected)) == expected


def test_words_are_whole_and_variables_are_not():
    assert tokens("\\text{Evelyn}") == ("\\text{Evelyn}",)
    assert tokens("Evelyn") == ("\\text{Evelyn}",)
    assert tokens("abc") == ("a", "b", "c")
    assert tokens("10cm") == ("10", "\\text{cm}")
    assert tokens("\\text{(C)}") == ("(", "C", ")")


def test_a_comma_without_a_space_may_separate_thousands():
    assert tokens("1,234") == ("1,234",)
    assert tokens("1, 234") == ("1", ", ", "234")
    assert tokens("0,234") == ("0", ",", "234")


@pytest.mark.parametrize(
    "latex", ["{", "}", "(1", "1)", "\\frac{1}", "x^", "\\begin{matrix}1", "(1}"]
)
def test_what_is_not_closed_is_refused(latex: str):
    with pytest.raises(ValueError, match=r"closes nothing|not closed"):
        tokens(latex)


def test_a_long_answer_is_refused():
    with pytest.raises(ValueError, match="longer than"):
        tokens("1" * (MAX_CHARACTERS + 1))


@settings(max_examples=400)
@given(st.one_of(SOUP, st.text(max_size=60)))
def test_any_text_is_read_or_refused(latex: str):
    try:
        found = tokens(latex)
    except ValueError:
        return
    assert all(found)
