"""Numbers are worked out exactly, and never further than is cheap."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.verifier.arithmetic import value
from advdistill.verifier.latex import tokens
from advdistill.verifier.near import PI, Near, near
from advdistill.verifier.operations import TooBigError

WHOLE = st.integers(-999, 999)


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        ("-\\frac{1}{-2}", Fraction(1, 2)),
        ("\\frac{\\frac12}{3}", Fraction(1, 6)),
        ("1\\frac12", Fraction(3, 2)),
        ("-2\\frac58", Fraction(-21, 8)),
        ("3-\\frac{1}{2}", Fraction(5, 2)),
        ("\\frac12\\cdot\\frac13", Fraction(1, 6)),
        ("1\\cdot\\frac12", Fraction(1, 2)),
        ("2\\cdot10^{3}", 2000),
        ("-2^2", -4),
        ("2^{-3}", Fraction(1, 8)),
        ("2^{3^2}", 512),
        ("(1+2)(3)", 9),
        ("5!", 120),
        ("\\binom{10}{3}", 120),
        ("\\sqrt{16}", 4),
        ("8^{1/3}", 2),
        ("10/2/5", 1),
        ("1 - -1", 2),
        (".5", Fraction(1, 2)),
    ],
)
def test_expressions_of_numbers_are_worked_out(latex: str, expected: Fraction | int):
    assert value(tokens(latex)) == expected


@pytest.mark.parametrize(
    "latex",
    ["", "+", "2+", "x", "1 2", "1/2(3)", "2\\frac{3}{2}", "5!!", "(-4)!", "\\sqrt{-4}", "3."],
)
def test_what_is_no_number_or_may_be_two_is_none(latex: str):
    assert value(tokens(latex)) is None


@pytest.mark.parametrize("latex", ["0/0", "\\frac{1}{0}", "1\\frac{0}{0}", "0^{-1}", "0^0"])
def test_a_division_by_zero_is_an_error(latex: str):
    with pytest.raises(ZeroDivisionError):
        value(tokens(latex))


@pytest.mark.parametrize(
    "latex",
    [
        "9^{9^{9}}",
        "10^{10^{10}}-10^{10^{10}}+1",
        "1000000!",
        "\\binom{10^{9}}{5\\cdot10^{8}}",
        "1" * 1500,
        "\\pi^{999999999999}",
        "((9^{99})^{99})^{99}",
    ],
)
def test_what_would_be_too_big_is_refused(latex: str):
    with pytest.raises(TooBigError):
        value(tokens(latex))


@given(WHOLE, WHOLE, st.integers(1, 99), st.sampled_from("+-"))
def test_sums_of_fractions_are_exact(one: int, two: int, below: int, sign: str):
    latex = f"\\frac{{{one}}}{{{below}}}{sign}({two})/{below}"
    expected = Fraction(one + two if sign == "+" else one - two, below)
    assert value(tokens(latex)) == expected


@pytest.mark.parametrize(
    ("latex", "expected"),
    [("\\sqrt{2}", "1.41421356237309504880"), ("2\\pi", "6.28318530717958647692")],
)
def test_irrational_numbers_are_known_nearly(latex: str, expected: str):
    found = value(tokens(latex))
    assert isinstance(found, Near)
    assert abs(found.value - Decimal(expected)) < Decimal("1e-20")
    assert found.error < Decimal("1e-50")


@given(WHOLE, WHOLE, st.integers(2, 99))
def test_equal_irrational_numbers_are_never_called_apart(one: int, two: int, root: int):
    sum_of_roots = value(tokens(f"({one})\\sqrt{{{root}}}+({two})\\sqrt{{{root}}}"))
    root_of_sum = value(tokens(f"({one + two})\\sqrt{{{root}}}"))
    assert sum_of_roots is not None
    assert root_of_sum is not None
    assert not near(sum_of_roots).apart(root_of_sum)


def test_numbers_that_differ_are_apart():
    assert PI.apart(Fraction(22, 7))
    assert (PI * Fraction(2)).apart(PI)
    assert (Fraction(1) / PI - Fraction(1)).apart(Fraction(0))
    assert not (PI / PI).apart(Fraction(1))
