"""Has Math-Verify prove that two expressions are equal; for processes that can be killed.

Nothing here reads an answer as Python: only Math-Verify's LaTeX grammar is used, not its reader of
plain expressions, which evaluates what it reads.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from latex2sympy2_extended import NormalizationConfig
from math_verify import LatexExtractionConfig, parse, verify
from sympy import Expr

from advdistill.records import Reward
from advdistill.verdicts import with_total
from advdistill.verifier.equality import Claim, Proof, rounded
from advdistill.verifier.latex import tokens
from advdistill.verifier.structures import read

_POINTS = ((31, 17), (53, -23), (71, 101))
"""Where two formulas are compared as numbers: a multiplier for the names, and a denominator."""
_DIGITS = 3_000


def proved(rows: Mapping[Proof, Reward], claims: tuple[Claim, ...]) -> list[Reward]:
    """Return the rows that the algebra leads to."""
    return with_total(rows[prove(claims)])


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


def _number(expression: Any) -> Fraction | None:
    """Return the value of a real number to 40 digits; None for anything else."""
    if expression.free_symbols:
        return None
    value = expression.evalf(40)
    return Fraction(str(value)) if value.is_Float or value.is_Integer else None


def _as_numbers(one: Any, two: Any) -> bool | None:
    """Return whether two formulas agree where numbers are put in for their variables.

    None where they have no value. Math-Verify drops what is small beside nothing: 1/2004! and
    1/2006! are equal to it.
    """
    from sympy import Integral, Limit, Product, Sum

    if one.has(Sum, Product, Integral, Limit) or two.has(Sum, Product, Integral, Limit):
        return None
    found = [_agree(_at(one, point), _at(two, point)) for point in _POINTS]
    if any(agree is False for agree in found):
        return False
    return True if all(found) else None


def _at(formula: Any, point: tuple[int, int]) -> Any:
    """Return the formula with a number in place of each variable, which depends on its name."""
    from sympy import Float, I, Rational

    values = {
        symbol: Rational(sum(map(ord, symbol.name)) * point[0] % 89 + 1, point[1])
        for symbol in formula.free_symbols
    }
    values |= {symbol: I for symbol in values if symbol.name == "i"}
    values |= {decimal: Rational(str(decimal)) for decimal in formula.atoms(Float)}
    return formula.xreplace(values)


def _agree(one: Any, two: Any) -> bool | None:
    """Return whether two numbers are the same to thousands of digits; None if not both are finite.

    The difference is worked out to ever more digits until some are certain.
    """
    from sympy import Float

    sizes = [abs(one.evalf(20)), abs(two.evalf(20)), abs((one - two).evalf(5, maxn=_DIGITS))]
    if not all(size.is_number and size.is_finite for size in sizes):
        return None
    largest, gap = max(sizes[:2]), sizes[2]
    return bool(gap == 0 or gap < largest * Float(f"1e-{_DIGITS * 2 // 3}"))
