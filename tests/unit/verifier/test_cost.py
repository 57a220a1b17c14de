"""What is not given to algebra, and why."""

import pytest

from advdistill.verifier.cost import refusal


@pytest.mark.parametrize(
    ("latex", "why"),
    [
        ("10^{10^{10}}", "a power"),
        ("x^{9^{9^{9}}}", "a power"),
        ("x^{10001}", "a power beyond 10000"),
        ("((x^{300})^{300}+1)^{2}", "a power beyond 10000"),
        ("x+3001!", "a factorial beyond 3000"),
        ("(10^{9}+x)+(10^{9})!", "a factorial beyond 3000"),
        ("3!!", "a factorial of a factorial"),
        ("\\binom{10^{9}}{x}", "a binomial coefficient beyond 10000"),
        ("\\binom{x}{10^{9}}", "a binomial coefficient beyond 10000"),
        ("x/0+x^{1/0}", "a division by zero"),
        ("x" + "1" * 401, "a number of more than 400 digits"),
        ("x+" * 90 + "1", "more than 80 terms"),
        ("x " * 401, "more than 400 signs"),
        ("(" * 17 + "x" + ")" * 17, "nested more than 16 deep"),
        ("x" * 2001, "longer than 2000 characters"),
        ("\\text{exec}(x)", "is not read as mathematics"),
        ("__import__('os')", "is not read as mathematics"),
        ("__class__", "closed"),
        ('x"', "is not read as mathematics"),
        ("\\input{x}", "is not read as mathematics"),
        ("1 \\quad 2+0", "two numbers side by side"),
        ("11_2+x", "a number in another base"),
        ("zeros(9999,9999)", "is not read as mathematics"),
        ("\u6f22", "is not read as mathematics"),
    ],
)
def test_what_is_costly_or_strange_is_refused(latex: str, why: str):
    assert why in (refusal(latex) or "")


@pytest.mark.parametrize(
    "latex",
    [
        "x^{2019}+x^{2018}",
        "\\frac{1}{2004!}",
        "e^{x^2}",
        "\\binom{n}{k}",
        "n!",
        "\\sum_{k=1}^{n} k^2",
        "\\begin{pmatrix}1 & x\\end{pmatrix}",
        "(x+y)^{100}(x^{100}+1)^{90}",
        "f(2)<f(1)",
        "\\log_2 x",
    ],
)
def test_ordinary_formulas_are_not(latex: str):
    assert refusal(latex) is None
