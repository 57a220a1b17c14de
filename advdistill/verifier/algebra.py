"""Has Math-Verify prove that two expressions are equal; for processes that can be killed.

Nothing here reads an answer as Python: only Math-Verify's LaTeX grammar is used, not its reader of
plain expressions, which evaluates what it reads.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

from advdistill.verifier.equality import Claim, rounded
from advdistill.verifier.latex import tokens
from advdistill.verifier.values import read

if TYPE_CHECKING:
    from sympy import Expr

_POINTS = ((31, 17), (53, -23), (71, 101))
"""Where two formulas are compared as numbers: a multiplier for the names, and a denominator."""
_DIGITS = 40
_PROOF = 1e-30
_SAME = 1e-12
_SAME_FLOATS = 1e-3
"""Math-Verify rounds decimals to six places, by which all small numbers are equal."""
_NOTHING = 1e-60


class Proof(StrEnum):
    """What came out."""

    equal = "equal"
    different = "different"
    gold_unread = "gold_unread"
    answer_unread = "answer_unread"


def prove(claims: Sequence[Claim]) -> Proof:
    """Return whether all the claims hold; may take any time and memory."""
    logging.getLogger("math_verify").setLevel(logging.ERROR)
    for claim in claims:
        if any(_parsed(part) is None for part in claim.gold):
            return Proof.gold_unread
        if any(_parsed(part) is None for part in claim.answer):
            return Proof.answer_unread
        if not _holds(claim):
            return Proof.different
    return Proof.equal


def _holds(claim: Claim) -> bool:
    """Return whether every part of each list equals a part of the other."""
    pairs = {(one, two): _equal(one, two) for one in claim.gold for two in claim.answer}
    found = all(any(pairs[one, two] for two in claim.answer) for one in claim.gold)
    return found and all(any(pairs[one, two] for one in claim.gold) for two in claim.answer)


@cache
def _parsed(latex: str) -> Any:
    """Return SymPy's object for an expression; None where the grammar does not know it."""
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse

    spelling = NormalizationConfig(boxed="none")
    found = parse(
        f"${latex}$",
        (LatexExtractionConfig(boxed_match_priority=-1, normalization_config=spelling),),
        fallback_mode="no_fallback",
        extraction_mode="first_match",
        parsing_timeout=None,  # pyright: ignore[reportArgumentType]  # None turns its alarm off
    )
    return found[0] if found else None


def _equal(gold: str, answer: str) -> bool:
    from math_verify import verify
    from sympy import Expr

    one, two = _parsed(gold), _parsed(answer)
    if isinstance(one, Expr) and isinstance(two, Expr):
        decided = _as_rounded(gold, answer)
        decided = _as_numbers(one, two) if decided is None else decided
        if decided is not None:
            return decided
    return bool(verify(one, two, timeout_seconds=None, allow_set_relation_comp=True))


def _as_rounded(gold: str, answer: str) -> bool | None:
    """Return whether a decimal is the other's value, rounded; None where none is a long decimal."""
    for decimal, other in ((gold, answer), (answer, gold)):
        value = read(tokens(decimal))
        if value.step is not None and isinstance(value.number, Fraction):
            exact = _number(_parsed(other))
            return exact is not None and rounded(value.number, value.step, exact)
    return None


def _number(expression: Expr) -> Fraction | None:
    """Return the value of a real number to 40 digits; None for anything else."""
    if expression.free_symbols:
        return None
    value = expression.evalf(_DIGITS)
    return Fraction(str(value)) if value.is_Float or value.is_Integer else None


def _as_numbers(one: Expr, two: Expr) -> bool | None:
    """Return whether two formulas agree where numbers are put in for their variables.

    None where they agree, but no better than floats do, or have no value. Math-Verify drops what
    is small beside nothing: 1/2004! and 1/2006! are equal to it.
    """
    from sympy import Float

    gaps = [_gap(_at(one, point), _at(two, point)) for point in _POINTS]
    known = [gap for gap in gaps if gap is not None]
    limit = _SAME_FLOATS if one.has(Float) or two.has(Float) else _SAME
    if any(gap > limit for gap in known):
        return False
    return True if len(known) == len(_POINTS) and max(known) < _PROOF else None


def _at(formula: Expr, point: tuple[int, int]) -> Any:
    """Return the value with a number in place of each variable, which depends on its name."""
    from sympy import Rational

    values = {
        symbol: Rational(sum(map(ord, symbol.name)) * point[0] % 89 + 1, point[1])
        for symbol in formula.free_symbols
    }
    return formula.subs(values).evalf(_DIGITS)


def _gap(one: Any, two: Any) -> float | None:
    """Return how far two numbers are apart as a share of the larger; None if not both are finite."""
    if not (one.is_number and two.is_number and one.is_finite and two.is_finite):
        return None
    largest = max(abs(one), abs(two))
    if largest < _NOTHING and (one == 0 or two == 0):  # a zero may come out as 1e-120
        return None
    return float(abs(one - two) / largest) if largest else 0.0
