"""What an answer says: its parts, its name, its unit."""

from fractions import Fraction

import pytest
from hypothesis import given, settings

from advdistill.verifier.latex import tokens
from advdistill.verifier.structures import is_name, read
from advdistill.verifier.values import Kind, Value
from tests.unit.verifier.test_latex import SOUP


def of(latex: str) -> Value:
    return read(tokens(latex))


@pytest.mark.parametrize(
    ("latex", "kind", "parts", "shape"),
    [
        ("1, 2 and 3", Kind.bag, ["1", "2", "3"], ""),
        ("\\{1,2\\}", Kind.bag, ["1", "2"], ""),
        ("100, 200, 300", Kind.bag, ["100", "200", "300"], ""),
        ("x = 1 \\text{ or } x = 2", Kind.bag, ["1", "2"], ""),
        ("1 \\pm \\sqrt{2}", Kind.bag, ["1+\\sqrt{2}", "1-\\sqrt{2}"], "\u00b1"),
        ("(1,234)", Kind.row, ["1", "234"], "()"),
        ("[0, \\infty)", Kind.row, ["0", "\\infty"], "[)"),
        ("\\langle 1, 2 \\rangle", Kind.row, ["1", "2"], "()"),
        ("(p,q) = (3,2)", Kind.row, ["3", "2"], "()"),
        ("x \\in [1,2]", Kind.row, ["1", "2"], "[]"),
        ("(1,2)\\cup(3,4)", Kind.union, ["(1,2)", "(3,4)"], ""),
        ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", Kind.matrix, ["1", "2"], "1"),
        ("((5))", Kind.single, [], ""),
    ],
)
def test_parts_are_found(latex: str, kind: Kind, parts: list[str], shape: str):
    value = of(latex)
    assert (value.kind, [item.latex for item in value.items], value.shape) == (kind, parts, shape)


@pytest.mark.parametrize(
    ("latex", "number"),
    [
        ("15\\mbox{ cm}^2", 15),
        ("10 miles per hour", 10),
        ("\\$18.00", 18),
        ("24 \\text{ million}", 24_000_000),
        ("x = 5 + 5 = 10", 10),
        ("\\frac{1}{3}\\approx 0.33", Fraction(1, 3)),
        ("x \\approx 11", 11),
        ("204 + 160 = 364", 364),
        ("1,234.5", Fraction("1234.5")),
    ],
)
def test_a_number_is_read_without_its_name_and_unit(latex: str, number: Fraction | int):
    assert of(latex).number == number


@pytest.mark.parametrize(
    ("latex", "spelled"),
    [
        ("\\text{Evelyn}", "Evelyn"),
        ("11_2", "11_{2}"),
        ("11_{\\text{two}}", "11_{2}"),
        ("152A_{11}", "152A_{11}"),
        ("05:00", "5:00"),
        ("8:34 \\text{ p.m.}", "8:34pm"),
        ("\\{\\}", "\\emptyset"),
        ("No solution", "Nosolution"),
    ],
)
def test_words_times_and_other_bases_are_worth_nothing(latex: str, spelled: str):
    assert (of(latex).latex, of(latex).literal, of(latex).number) == (spelled, True, None)


def test_a_second_way_to_read_is_kept():
    assert of("100,200").other == of("100, 200")
    assert of("2,74").other == of("2.74")
    assert of("2, 74").other is None


@pytest.mark.parametrize(
    ("latex", "named"),
    [
        ("x", True),
        ("x_{1}", True),
        ("f(2)", True),
        ("|AB|", True),
        ("\\text{Area}", True),
        ("(x,y)", True),
        ("2x", False),
        ("x+y", False),
        ("x^2", False),
        ("\\sin(x)", False),
        ("3", False),
    ],
)
def test_a_name_is_no_formula(latex: str, named: bool):
    assert is_name(tokens(latex)) is named


def test_an_equation_keeps_both_sides():
    value = of("2x+y=5")
    assert (value.latex, value.name) == ("2x+y=5", None)
    assert value.right == of("5")


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("0.5", "\\frac12"),
        ("2,1", "1,2"),
        ("x=3", "3"),
        ("\\{1, 1, 2\\}", "2, 1"),
        ("1000", "1,000"),
    ],
)
def test_equal_values_of_numbers_have_one_canonical_text(one: str, two: str):
    assert of(one).canonical == of(two).canonical


@settings(max_examples=300)
@given(SOUP)
def test_every_sequence_of_tokens_has_a_value(latex: str):
    try:
        given_tokens = tokens(latex)
    except ValueError:
        return
    assert len(read(given_tokens).canonical) <= 400
