"""What Math-Verify, with care for its floats, can prove."""

import pytest

from advdistill.verifier.algebra import prove
from advdistill.verifier.equality import Claim, Proof


def proof(gold: str, answer: str) -> Proof:
    return prove([Claim(gold=(gold,), answer=(answer,))])


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("x^{2}-1", "(x-1)(x+1)"),
        ("\\sqrt{2}+\\sqrt{3}", "\\sqrt{5+2\\sqrt{6}}"),
        ("\\frac{x^{2}-1}{x-1}", "x+1"),
        ("0.1x", "\\frac{x}{10}"),
        ("\\log_{2} 8", "3"),
        ("(1+i)^{2}", "2i"),
        ("\\frac{1}{2004!}", "\\frac{2005}{2005!}"),
        ("\\sin(x)^{2}+\\cos(x)^{2}", "1"),
        ("\\sum_{k=1}^{n} k", "\\frac{n(n+1)}{2}"),
        ("\\ln 2", "0.69314718"),
        ("2x+4y-3=0", "y=-\\frac{1}{2}x+\\frac{3}{4}"),
        ("x>3", "(3,\\infty)"),
        ("(3,\\infty)", "3<x"),
        ("0", "\\sqrt{2}-\\frac{2}{\\sqrt{2}}+x-x"),
    ],
)
def test_equal_expressions_are_proved_equal(gold: str, answer: str):
    assert proof(gold, answer) is Proof.equal


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("\\frac{1}{2004!}", "\\frac{1}{2006!}"),
        ("\\frac{1}{2^{99}}+0", "\\frac{1}{2^{98}}"),
        ("\\frac{x}{2004!}", "\\frac{x}{2006!}"),
        ("2^{4950}", "2^{4950}+1"),
        ("3+10^{-60}\\sqrt{2}", "3"),
        ("1-\\frac{1}{e}", "1+\\frac{1}{e}"),
        ("\\sqrt{x^{2}}", "x"),
        ("x+1", "y+1"),
        ("f(x)", "f(y)"),
        ("x>3", "[3,\\infty)"),
        ("\\ln 2", "0.69314719"),
    ],
)
def test_different_expressions_are_not(gold: str, answer: str):
    assert proof(gold, answer) is Proof.different


def test_every_part_needs_an_equal_part():
    same = Claim(gold=("x+1", "y+1"), answer=("1+y", "1+x"))
    less = Claim(gold=("x+1", "y+1"), answer=("1+y",))
    assert prove([same]) is Proof.equal
    assert prove([less]) is Proof.different
    assert prove([same, less]) is Proof.different


def test_the_side_that_cannot_be_read_is_named():
    assert proof("\\frac{+}{", "x") is Proof.gold_unread
    assert proof("x", "\\frac{+}{") is Proof.answer_unread
