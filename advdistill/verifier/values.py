r"""Reads the tokens of an answer into a value: a number, a tuple, a set, an interval, a matrix.

What is no number, such as `2\pi` or `x+1`, is kept as it is spelled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from advdistill.verifier.arithmetic import TooBigError, value
from advdistill.verifier.latex import FUNCTIONS, UNITS, Tokens, is_word, spelled
from advdistill.verifier.near import Near

_MAX_DEPTH = 6
"""Sets of sets of sets are read this deep; what is deeper is kept as it is spelled."""
_SHORT = 400
_OPENERS = frozenset(("(", "[", r"\{", "{", r"\langle", r"\lfloor", r"\lceil"))
_CLOSERS = frozenset((")", "]", r"\}", "}", r"\rangle", r"\rfloor", r"\rceil"))
_PAIRS = frozenset(("()", "[]", r"\{\}", r"\langle\rangle"))
_SEPARATORS = frozenset((",", ", "))
_PUNCTUATION = frozenset((".", ",", ", ", ";", ":"))
_RELATIONS = frozenset(("<", ">", r"\le", r"\ge", r"\ne", "=", r"\in", r"\notin"))
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_BASES = {rf"\text{{{word}}}": digits for word, digits in zip(
    "two three four five six seven eight nine ten twelve sixteen".split(),
    "2 3 4 5 6 7 8 9 10 12 16".split(), strict=True,
)}  # fmt: skip
_DAYTIMES = frozenset((r"\text{am}", r"\text{pm}"))
_COUNTED = frozenset((r"\frac", r"\sqrt", r"\pi"))
_SUFFIX = frozenset("^{}/.'-23") | {r"\cdot"}
"""What may stand between and behind the words of a unit: `\text{cm}^{2}`."""


class Kind(StrEnum):
    """How a value's parts belong together."""

    single = "single"
    bag = "bag"
    """In any order: `1, 2` and `\\{1, 2\\}`."""
    row = "row"
    """In their order: `(1, 2)`, a tuple or an interval."""
    matrix = "matrix"
    union = "union"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What an answer says."""

    latex: str
    """As it is spelled, without a name in front and a unit or percent sign behind."""
    kind: Kind = Kind.single
    items: tuple[Value, ...] = ()
    shape: str = ""
    """The brackets of a row, or the columns of a matrix."""
    number: Fraction | float | None = None
    """Exact; a float only for the two infinities."""
    near: Near | None = None
    """What an irrational number is worth, to 60 digits."""
    step: Fraction | None = None
    """The last decimal place of a number that may be a rounded one: at least six are given."""
    percent: bool = False
    literal: bool = False
    """It means what it says and is worth nothing: a word, a time, a number in another base."""
    undefined: bool = False
    """It divides by zero."""
    name: str | None = None
    """What stands left of the equals sign."""
    right: Value | None = None
    """The right side of an equation that is more than a name and a value."""
    other: Value | None = None
    """A second way to read it: `1,234` is a number or a list."""

    @property
    def whole(self) -> str:
        """The value with its name."""
        return f"{self.name}={self.latex}" if self.name else self.latex


def read(given: Tokens, depth: int = 0) -> Value:
    """Return the value of an answer's tokens."""
    tokens = _trimmed(given)
    if len(tokens) == 1 and tokens[0].isdigit() and len(tokens[0]) < _SHORT:
        return Value(latex=tokens[0], number=Fraction(tokens[0]))
    if depth > _MAX_DEPTH:
        return Value(latex=spelled(tokens))
    for separators in (frozenset(";"), _SEPARATORS):
        if len(parts := _parts(tokens, separators)) > 1:
            return _bag(tokens, [part for part in parts if part], depth)
    if relation := _relation(tokens, depth):
        return relation
    if len(parts := _parts(tokens, frozenset((r"\cup",)))) > 1 and all(parts):
        return _several(Kind.union, tokens, parts, depth)
    if (inside := _enclosed(tokens)) is not None:
        return _bracketed(tokens, inside, depth)
    if tokens.count(r"\pm") == 1:
        return _plus_minus(tokens, depth)
    return _single(tokens)


def _trimmed(tokens: Tokens) -> Tokens:
    start, end = 0, len(tokens)
    while end > start and tokens[end - 1] in _PUNCTUATION:
        end -= 1
    while start < end and (tokens[start] in _PUNCTUATION or tokens[start] in ("=", r"\approx")):
        start += 1
    return tokens[start:end]


def _parts(tokens: Tokens, separators: frozenset[str]) -> list[Tokens]:
    """Return what stands between the separators that no bracket encloses."""
    if separators.isdisjoint(tokens):
        return [tokens]
    parts, start, depth = [], 0, 0
    for place, token in enumerate(tokens):
        depth += _depth(token)
        if not depth and token in separators:
            parts.append(tokens[start:place])
            start = place + 1
    return [*parts, tokens[start:]]


def _depth(token: str) -> int:
    if token in _OPENERS or token[:7] == r"\begin{":
        return 1
    return -1 if token in _CLOSERS or token[:5] == r"\end{" else 0


def _several(
    kind: Kind, tokens: Tokens, parts: Sequence[Tokens], depth: int, shape: str = ""
) -> Value:
    items = tuple(read(part, depth + 1) for part in parts)
    return Value(latex=spelled(tokens), kind=kind, items=items, shape=shape)


def _bag(tokens: Tokens, parts: list[Tokens], depth: int) -> Value:
    """Return the values of a list, which come in any order; one with `\\pm` is two."""
    bag = _several(Kind.bag, tokens, parts, depth)
    items = [part for item in bag.items for part in (item.items if _is_pair(item) else (item,))]
    if len(items) == 1:
        return items[0]
    decimal = _decimal_comma(tokens)
    return replace(bag, items=tuple(items), other=decimal)


def _is_pair(item: Value) -> bool:
    return item.kind is Kind.bag and r"\pm" in item.latex and item.shape == "pm"


def _decimal_comma(tokens: Tokens) -> Value | None:
    """Return 2.74 for `2,74`."""
    if len(tokens) != 3 or tokens[1] != "," or not (tokens[0].isdigit() and tokens[2].isdigit()):
        return None
    if tokens[0] != "0" and len(tokens[2]) != 2:
        return None
    return _single((f"{tokens[0]}.{tokens[2]}",))


def _relation(tokens: Tokens, depth: int) -> Value | None:
    r"""Return the value of `x=3`, `x\in(0,1)` and `x\approx3.1`; None where nothing is related."""
    parts = _parts(tokens, frozenset((r"\approx",)))
    if len(parts) > 1 and all(parts):
        named = is_name(parts[0])
        return read(parts[1] if named else parts[0], depth + 1)
    parts = _parts(tokens, frozenset(("=", r"\in")))
    if len(parts) < 2 or not all(parts):
        return None
    right = read(parts[-1], depth + 1)
    related = any(token in _RELATIONS for token in parts[-1])
    name = next((part for part in (parts[0], parts[-2]) if is_name(part)), None)
    if name and not related:
        return replace(right, name=spelled(name))
    if not related and not any(_variable(token) for part in parts for token in part):
        return right
    return Value(latex=spelled(tokens), right=right)


def is_name(tokens: Tokens) -> bool:
    r"""Return whether tokens only name something: `x_{1}`, `f(2)`, `\text{Area}`, `(x,y)`."""
    depth = 0
    for token in tokens:
        depth += _depth(token)
        if token in ("+", "-", r"\pm", r"\sqrt", "!") or token in _RELATIONS:
            return False
        if token[1:] in FUNCTIONS:
            return False
        if token[0].isdigit() and not depth:
            return False
    return any(_variable(token) or is_word(token) for token in tokens)


def _variable(token: str) -> bool:
    return token.isalpha() or (
        token.startswith("\\") and token[1:].isalpha() and token[1:] not in FUNCTIONS
        and token not in (r"\frac", r"\cdot", r"\sqrt", r"\binom", r"\pi", r"\infty", r"\pm")
    )  # fmt: skip


def _enclosed(tokens: Tokens) -> Tokens | None:
    """Return what one pair of brackets around all the tokens encloses; None without such a pair."""
    if len(tokens) < 2 or _depth(tokens[0]) != 1 or tokens[0] in ("{", r"\lfloor", r"\lceil"):
        return None
    depth = 0
    for place, token in enumerate(tokens):
        depth += _depth(token)
        if not depth:
            return tokens[1:-1] if place == len(tokens) - 1 else None
    return None


def _bracketed(tokens: Tokens, inside: Tokens, depth: int) -> Value:
    if tokens[0].startswith(r"\begin{"):
        return _matrix(tokens, inside, depth)
    if not inside:
        return Value(latex=r"\emptyset", literal=tokens[0] == r"\{")
    inside = _split_thousands(inside)
    separators = frozenset(";") if len(_parts(inside, frozenset(";"))) > 1 else _SEPARATORS
    parts = [part for part in _parts(inside, separators) if part]
    if len(parts) < 2:
        paired = tokens[0] + tokens[-1] in _PAIRS
        return read(inside, depth + 1) if paired else Value(latex=spelled(tokens))
    if tokens[0] == r"\{":
        return replace(_bag(inside, parts, depth), latex=spelled(tokens), other=None)
    shape = "()" if tokens[0] == r"\langle" else tokens[0] + tokens[-1]
    return _several(Kind.row, tokens, parts, depth, shape)


def _split_thousands(inside: Tokens) -> Tokens:
    """Return `(1,234)` as a pair, unless other separators with a space say that 1,234 is one."""
    if ", " in inside or ";" in inside:
        return inside
    split: list[str] = []
    for token in inside:
        head, *rest = token.split(",") if token[0].isdigit() else [token]
        split.append(head)
        for part in rest:
            split.extend((",", part))
    return tuple(split)


def _matrix(tokens: Tokens, inside: Tokens, depth: int) -> Value:
    rows = [_parts(row, frozenset("&")) for row in _parts(inside, frozenset((r"\\",))) if row]
    if tokens[0] == r"\begin{cases}" and all(len(row) == 1 for row in rows):
        return _several(Kind.bag, tokens, [row[0] for row in rows], depth)
    if tokens[0] != r"\begin{matrix}":
        return Value(latex=spelled(tokens))
    columns = {len(row) for row in rows}
    if len(columns) != 1 or not all(part for row in rows for part in row):
        return Value(latex=spelled(tokens))
    parts = [part for row in rows for part in row]
    return _several(Kind.matrix, tokens, parts, depth, str(columns.pop()))


def _plus_minus(tokens: Tokens, depth: int) -> Value:
    place = tokens.index(r"\pm")
    parts = [(*tokens[:place], sign, *tokens[place + 1 :]) for sign in "+-"]
    return _several(Kind.bag, tokens, parts, depth, "pm")


def _single(tokens: Tokens) -> Value:
    """Return a value that has no parts."""
    if base := _in_base(tokens):
        return base
    body, scale = _without_unit(tokens)
    percent = body[-1:] in ((r"\%",), ("%",))
    body = body[:-1] if percent else body
    latex = spelled(body)
    if any(is_word(token) for token in body) or _is_time(body) or body == (r"\emptyset",):
        return Value(
            latex=latex.replace(r"\text", "").replace("{", "").replace("}", ""), literal=True
        )
    if len(body) > 0 and body[-1] == r"\infty" and body[:-1] in ((), ("+",), ("-",)):
        infinity = -math.inf if body[0] == "-" else math.inf
        return Value(latex="-\\infty" if infinity < 0 else "\\infty", number=infinity)
    try:
        number = value(body)
    except TooBigError:
        number = None
    except ZeroDivisionError:
        return Value(latex=latex, undefined=True)
    if not isinstance(number, Fraction):
        return Value(
            latex=latex, percent=percent, near=number * Fraction(scale) if number else None
        )
    return Value(
        latex=latex,
        number=number * scale,
        step=_step(body),
        percent=percent,
        other=_list_of_thousands(body),
    )


def _in_base(tokens: Tokens) -> Value | None:
    r"""Return `11_{2}`, which is no number to calculate with; None for anything else."""
    place = tokens.index("_") if "_" in tokens else 0
    digits, base = tokens[:place], tokens[place + 2 : -1]
    if not place or tokens[-1] != "}" or not any(token[0].isdigit() for token in digits):
        return None
    if not all(token.isdigit() or token in "ABCDEF" for token in digits):
        return None
    if not base or not all(token.isdigit() or is_word(token) for token in base):
        return None
    said = "".join(_BASES.get(token, token) for token in base)
    return Value(latex=f"{''.join(digits)}_{{{said}}}", literal=True)


def _without_unit(tokens: Tokens) -> tuple[Tokens, int]:
    """Return what stands before the unit, and what a word such as `million` multiplies it with."""
    first = next((place for place, token in enumerate(tokens) if is_word(token)), len(tokens))
    unit = tokens[first:]
    before = tokens[:first]
    counted = any(token[0].isdigit() or token in _COUNTED for token in before) or (
        len(before) == 1 and unit and unit[0][len(r"\text{") : -1] in UNITS
    )
    if not unit or not counted or not all(is_word(token) or token in _SUFFIX for token in unit):
        return tokens, 1
    if _DAYTIMES.intersection(map(str.lower, unit)):
        return tokens, 1
    return tokens[:first], _SCALES.get(unit[0][len(r"\text{") : -1].lower(), 1)


def _is_time(tokens: Tokens) -> bool:
    """Return whether it is a time of day, `12:30`."""
    parts = _parts(tokens, frozenset(":"))
    digits = [part[0] for part in parts if len(part) == 1 and part[0].isdigit()]
    return (
        len(parts) > 1
        and len(digits) == len(parts)
        and all(len(two) == 2 and two < "60" for two in digits[1:])
    )


def _list_of_thousands(tokens: Tokens) -> Value | None:
    """Return the list that `100,200` may be."""
    if len(tokens) != 1 or "," not in tokens[0] or "." in tokens[0]:
        return None
    items = tuple(Value(latex=part, number=Fraction(part)) for part in tokens[0].split(","))
    return Value(latex=tokens[0], kind=Kind.bag, items=items)


def _step(tokens: Tokens) -> Fraction | None:
    """Return the last decimal place of a decimal that is long enough to be a rounded value."""
    signless = tokens[1:] if tokens[:1] in (("-",), ("+",)) else tokens
    if not signless or "." not in signless[0]:
        return None
    decimals = len(signless[0].partition(".")[2])
    digits = len(signless[0].replace(".", "").lstrip("0"))
    exponent = value(signless[2:]) if signless[1:3] == (r"\cdot", "10") else None
    if len(signless) == 1 and decimals >= 6 and digits >= 4:
        return Fraction(1, 10**decimals)
    return exponent / 10**decimals if digits >= 6 and isinstance(exponent, Fraction) else None
