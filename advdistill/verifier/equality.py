"""Says of two values whether they are equal, where plain arithmetic can say so for certain.

What it cannot say is left as claims, which algebra has to prove.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from advdistill.verifier.near import Near, near
from advdistill.verifier.values import Kind, Value

_MAX_BAG = 40
"""Of longer lists only the spelling is compared: matching costs the square of the length."""
_NOISE = Fraction(1, 10**12)
"""Floats are written with up to 17 digits, the last of which are noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Two lists of equal length that are the same if their parts, in some order, are equal."""

    gold: tuple[str, ...]
    answer: tuple[str, ...]


class Proof(StrEnum):
    """What came of proving claims."""

    equal = "equal"
    different = "different"
    gold_unread = "gold_unread"
    answer_unread = "answer_unread"


Finding = bool | tuple[Claim, ...]
"""Equal, not equal, or what has to be proved."""


def compare(gold: Value, answer: Value) -> Finding:
    """Return whether the answer is the gold answer, or the claims that would prove it."""
    found = _compare(gold, answer)
    if found is True:
        return True
    others = [_compare(gold.other, answer)] if gold.other else []
    others += [_compare(gold, answer.other)] if answer.other else []
    return True if any(other is True for other in others) else found


def rounded(decimal: Fraction, step: Fraction, exact: Fraction) -> bool:
    """Return whether a decimal is the exact value, rounded or cut off after its last place."""
    gap = abs(decimal - exact)
    cut = abs(decimal) <= abs(exact) and gap < step
    return gap * 2 <= step or cut or gap <= _NOISE * abs(exact)


def _compare(gold: Value, answer: Value) -> Finding:
    if gold.undefined or answer.undefined:
        return False
    if gold.whole == answer.whole or gold.latex == answer.latex:
        return _names_agree(gold, answer)
    if gold.right is not None or answer.right is not None:
        return _equations(gold, answer)
    if not _names_agree(gold, answer):
        return False
    if gold.literal or answer.literal:
        return _same_words(gold, answer)
    if gold.kind is Kind.single and answer.kind is Kind.single:
        return _singles(gold, answer)
    return _compounds(gold, answer)


def _same_words(gold: Value, answer: Value) -> bool:
    """Return whether two words are the same; `Yes` outside a text looks like a product."""
    if not all(value.literal or value.latex.isalpha() for value in (gold, answer)):
        return False
    return gold.latex.casefold() == answer.latex.casefold()


def _names_agree(gold: Value, answer: Value) -> bool:
    """Return whether `x=3` is not held against `y=3`; `f(x)` and `y` are names of one value."""
    if gold.name is None or answer.name is None or gold.name == answer.name:
        return True
    one, two = (name.partition("_")[0] for name in (gold.name, answer.name))
    return one == two or (len(one) > 1) != (len(two) > 1) or (len(one) > 1 and len(two) > 1)


def _equations(gold: Value, answer: Value) -> Finding:
    if gold.right is None and not _is_relation(gold) and answer.right is not None:
        return _compare(gold, answer.right)
    if answer.number is not None and answer.name is None:
        return False
    return _claim(gold, answer)


def _is_relation(value: Value) -> bool:
    return value.name is not None or any(sign in value.latex for sign in ("<", ">", r"\le", r"\ge"))


def _singles(gold: Value, answer: Value) -> Finding:
    if gold.number is not None and answer.number is not None:
        return any(_numbers(one, two, gold, answer) for one, two in _readings(gold, answer))
    if (finding := _nearly(gold, answer)) is not None:
        return finding
    worth = gold.number is not None or answer.number is not None
    if _is_letter(gold) and (worth or _is_letter(answer)):
        return False
    return False if _is_letter(answer) and worth else _claim(gold, answer)


def _readings(gold: Value, answer: Value) -> Iterator[tuple[Fraction, Fraction]]:
    """Yield the pairs of numbers that may be meant: 10% is 10%, 10 and 1/10."""
    one, two = gold.number, answer.number
    assert one is not None
    assert two is not None
    yield one, two
    if gold.percent != answer.percent:
        yield (one / 100, two) if gold.percent else (one, two / 100)


def _numbers(one: Fraction, two: Fraction, gold: Value, answer: Value) -> bool:
    if one == two or (gold.step and rounded(one, gold.step, two)):
        return True
    return bool(answer.step and rounded(two, answer.step, one))


def _nearly(gold: Value, answer: Value) -> Finding | None:
    """Compare numbers of which one at least is irrational; equal ones have to be proved so."""
    one, two = (value.near or value.number for value in (gold, answer))
    if gold.infinite or answer.infinite:
        finite = one is not None or two is not None
        return False if finite or gold.infinite == answer.infinite else None
    if one is None or two is None or gold.percent or answer.percent:
        return None
    for decimal, other in ((gold, two), (answer, one)):
        if decimal.step and decimal.number is not None and isinstance(other, Near):
            return rounded(decimal.number, decimal.step, Fraction(other.value))
    return False if near(one).apart(two) else _claim(gold, answer)


def _is_letter(value: Value) -> bool:
    return len(value.latex) == 1 and value.latex.isalpha() and value.latex not in "eiI"


def _compounds(gold: Value, answer: Value) -> Finding:
    """Return what holds of a tuple, set, interval or matrix and whatever it is held against."""
    kinds = (gold.kind, answer.kind)
    if Kind.single in kinds:
        number = gold if gold.kind is Kind.single else answer
        return number.number is None and number.near is None and _claim(gold, answer)
    if kinds == (Kind.matrix, Kind.matrix):
        return gold.shape == answer.shape and _in_order(gold.items, answer.items)
    if kinds == (Kind.union, Kind.union):
        return _in_any_order(gold.items, answer.items) is True or _claim(gold, answer)
    if Kind.union in kinds:
        return _claim(gold, answer)
    if Kind.matrix in kinds:
        return _vectors(gold, answer)
    return _lists(gold, answer)


def _lists(gold: Value, answer: Value) -> Finding:
    """Compare rows and bags; a row is a tuple or, if it has two items, an interval."""
    kinds = (gold.kind, answer.kind)
    if kinds == (Kind.bag, Kind.bag):
        return _in_any_order(gold.items, answer.items)
    if len(gold.items) != len(answer.items):
        return False if kinds == (Kind.row, Kind.row) else _in_any_order(gold.items, answer.items)
    shapes = {value.shape for value in (gold, answer) if value.kind is Kind.row}
    if not shapes <= ({"()", "[]"} if len(gold.items) > 2 else {gold.shape or "()"}):
        return False
    if gold.kind is Kind.bag:
        return _in_any_order(gold.items, answer.items)
    return _in_order(gold.items, answer.items)


def _vectors(gold: Value, answer: Value) -> Finding:
    """Compare a column or a row of a matrix with a tuple."""
    matrix = gold if gold.kind is Kind.matrix else answer
    row = answer if matrix is gold else gold
    if row.kind is not Kind.row or matrix.shape not in ("1", str(len(matrix.items))):
        return False
    return _in_order(gold.items, answer.items)


def _in_order(gold: Sequence[Value], answer: Sequence[Value]) -> Finding:
    if len(gold) != len(answer):
        return False
    found = [compare(one, two) for one, two in zip(gold, answer, strict=True)]
    if any(finding is False for finding in found):
        return False
    claims = [finding for finding in found if isinstance(finding, tuple)]
    return tuple(claim for finding in claims for claim in finding) or True


def _in_any_order(gold: Sequence[Value], answer: Sequence[Value]) -> Finding:
    """Compare two sets, which may name a part twice."""
    if max(len(gold), len(answer)) > _MAX_BAG:
        return {value.latex for value in gold} == {value.latex for value in answer}
    findings = [[compare(one, two) for two in answer] for one in gold]
    columns = list(zip(*findings, strict=True))
    gold_left = [n for n, row in enumerate(findings) if not any(found is True for found in row)]
    answer_left = [n for n, col in enumerate(columns) if not any(found is True for found in col)]
    if not gold_left and not answer_left:
        return True
    for line in [*(findings[n] for n in gold_left), *(columns[n] for n in answer_left)]:
        if all(found is False for found in line):
            return False
    if len(gold_left) == len(answer_left) == 1:
        return findings[gold_left[0]][answer_left[0]]
    return (
        Claim(
            gold=tuple(gold[n].latex for n in gold_left),
            answer=tuple(answer[n].latex for n in answer_left),
        ),
    )


def _claim(gold: Value, answer: Value) -> Finding:
    """Return the claim that two values as a whole are equal."""
    if gold.right is not None or (gold.name is not None and answer.right is not None):
        return (Claim(gold=(gold.whole,), answer=(answer.whole,)),)
    return (Claim(gold=(gold.latex,), answer=(answer.latex,)),)
