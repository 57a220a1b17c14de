"""What plain arithmetic can say of two values, and what it leaves to be proved."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.verifier.equality import Claim, compare, rounded
from advdistill.verifier.latex import tokens
from advdistill.verifier.structures import read


def found(gold: str, answer: str) -> object:
    return compare(read(tokens(gold)), read(tokens(answer)))


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [
        # percent
        ("10\\%", "10", True),
        ("10\\%", "0.1", True),
        ("0.1", "10\\%", True),
        ("10", "10\\%", True),
        ("1000", "10\\%", False),
        ("\\frac{28}{100}", "28", False),
        # decimals
        ("\\frac13", "0.333333", True),
        ("\\frac13", "0.33333", False),
        ("\\frac23", "0.666666", True),
        ("\\frac23", "0.666667", True),
        ("\\frac23", "0.666665", False),
        ("\\pi", "3.141593", True),
        ("\\pi", "3.1416", False),
        ("\\sqrt{17}", "4.123105625617661", True),
        ("0.0000001", "0.0000002", False),
        # order
        ("-2,1", "1,-2", True),
        ("(1,2)", "(2,1)", False),
        ("(1,3)", "1,3", True),
        ("(3,1)", "\\{1,3\\}", False),
        ("1,2", "(2,1)", True),
        ("\\{1,2\\}", "\\{1,2,2\\}", True),
        ("1,2", "1,2,3", False),
        ("(1,2),(3,4)", "(3,4),(1,2)", True),
        ("\\pm 3", "3,-3", True),
        ("\\pm 3", "3", False),
        # brackets
        ("(1,2)", "[1,2]", False),
        ("[0,1)", "(0,1]", False),
        ("(-\\infty,0]", "[-\\infty,0]", True),
        ("(1,2,3)", "[1,2,3]", True),
        ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "(1,2)", True),
        ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{bmatrix}1&2\\end{bmatrix}", False),
        ("(1,2)\\cup(3,4)", "(3,4)\\cup(1,2)", True),
        # names
        ("x=3", "3", True),
        ("3", "x=3", True),
        ("x=3", "y=3", False),
        ("f(x)=2x", "y=2x", True),
        ("(x,y)=(1,2)", "x=1, y=2", True),
        ("2x+z=1", "1", False),
        ("7", "3+4=7", True),
        # words, letters, bases, times
        ("\\text{Evelyn}", "Briana", False),
        ("\\text{yes}", "Yes", True),
        ("C", "\\text{(C)}", True),
        ("C", "c", False),
        ("E", "2.718281828459045", False),
        ("11_2", "11", False),
        ("11_2", "11_3", False),
        ("-221_3", "-221_4", False),
        ("3:2", "\\frac{3}{2}", True),
        ("1:2", "2:1", False),
        ("12:30", "6:15", False),
        ("9\\text{ a.m.}", "9\\text{ p.m.}", False),
        ("5", "No solution", False),
        # certain without any algebra
        ("\\sqrt{2}", "\\sqrt{3}", False),
        ("5", "25\\pi", False),
        ("\\infty", "-\\infty", False),
        ("\\infty", "10^{100}", False),
        ("(0,\\infty)", "(0,5)", False),
        ("24 \\text{ million}", "24", False),
        ("1", "\\frac00", False),
    ],
)
def test_arithmetic_decides(gold: str, answer: str, expected: bool):
    assert found(gold, answer) is expected


@pytest.mark.parametrize(
    ("gold", "answer", "claims"),
    [
        ("x^2-1", "(x-1)(x+1)", [(["x^{2}-1"], ["(x-1)(x+1)"])]),
        ("\\sqrt{8}", "2\\sqrt{2}", [(["\\sqrt{8}"], ["2\\sqrt{2}"])]),
        ("(1,x+y)", "(1,y+x)", [(["x+y"], ["y+x"])]),
        ("x, 1, y+1", "1, 1+y, x", [(["y+1"], ["1+y"])]),
        ("x>3", "(3,\\infty)", [(["x>3"], ["(3,\\infty)"])]),
        ("y=2x", "2x-y=0", [(["y=2x"], ["2x-y=0"])]),
        ("A=9, B=4", "-A=9, B=4", [(["A=9"], ["-A=9"])]),
    ],
)
def test_only_what_cannot_be_decided_is_claimed(
    gold: str, answer: str, claims: list[tuple[list[str], list[str]]]
):
    assert found(gold, answer) == tuple(
        Claim(gold=tuple(one), answer=tuple(two)) for one, two in claims
    )


@given(st.fractions(-1, 1, max_denominator=999), st.integers(6, 11))
def test_a_decimal_is_the_value_it_rounds_and_not_its_neighbour(exact: Fraction, places: int):
    step = Fraction(1, 10**places)
    decimal = round(exact / step) * step
    assert rounded(decimal, step, exact)
    assert not rounded(decimal + 2 * step, step, exact)
    assert not rounded(decimal - 2 * step, step, exact)


def test_long_lists_are_compared_by_their_spelling():
    numbers = [str(number) for number in range(100)]
    assert found(", ".join(numbers), ", ".join(reversed(numbers))) is True
    assert found(", ".join(numbers), ", ".join(numbers[1:])) is False
