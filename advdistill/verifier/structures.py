r"""Reads the tokens of an answer into a value with its parts.

What has none, or what is no list, tuple, set, interval or matrix, is left to `singles`.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from advdistill.verifier.latex import FUNCTIONS, Tokens, is_word, spelled
from advdistill.verifier.singles import single
from advdistill.verifier.values import Kind, Value

_MAX_DEPTH = 6
"""Sets of sets of sets are read this deep; what is deeper is kept as it is spelled."""
_MAX_DIGITS = 400
_OPENERS = frozenset(("(", "[", r"\{", "{", r"\langle", r"\lfloor", r"\lceil"))
_CLOSERS = frozenset((")", "]", r"\}", "}", r"\rangle", r"\rfloor", r"\rceil"))
_PAIRS = frozenset(("()", "[]", r"\{\}", r"\langle\rangle"))
_SEMICOLONS = frozenset(";")
_COMMAS = frozenset((",", ", "))
_PUNCTUATION = frozenset((".", ",", ", ", ";", ":"))
_RELATIONS = frozenset(("<", ">", r"\le", r"\ge", r"\ne", "=", r"\in", r"\notin"))
_NAMELESS = _RELATIONS | {"+", "-", "^", r"\pm", r"\sqrt", "!"}
"""What turns a name into a formula."""
_TWO_SIGNS = "\u00b1"
_CONSTANTS = frozenset((r"\frac", r"\cdot", r"\sqrt", r"\binom", r"\pi", r"\infty", r"\pm"))


def read(given: Tokens, depth: int = 0) -> Value:
    """Return the value of an answer's tokens."""
    tokens = _trimmed(given)
    if len(tokens) == 1 and tokens[0].isdecimal() and len(tokens[0]) < _MAX_DIGITS:
        return Value(latex=tokens[0], number=Fraction(tokens[0]))
    if depth > _MAX_DEPTH:
        return Value(latex=spelled(tokens))
    for separators in (_SEMICOLONS, _COMMAS):
        if len(parts := _parts(tokens, separators)) > 1:
            return _bag(tokens, [part for part in parts if part], depth)
    if relation := _relation(tokens, depth):
        return relation
    if len(parts := _parts(tokens, frozenset((r"\cup",)))) > 1 and all(parts):
        return _several(Kind.union, tokens, parts=parts, depth=depth)
    if (inside := _enclosed(tokens)) is not None:
        return _bracketed(tokens, inside, depth)
    if tokens.count(r"\pm") == 1:
        return _plus_minus(tokens, depth)
    return single(tokens)


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
    kind: Kind, tokens: Tokens, *, parts: Sequence[Tokens], depth: int, shape: str = ""
) -> Value:
    items = tuple(read(part, depth + 1) for part in parts)
    return Value(latex=spelled(tokens), kind=kind, items=items, shape=shape)


def _bag(tokens: Tokens, parts: list[Tokens], depth: int) -> Value:
    r"""Return the values of a list, which come in any order; one with `\pm` is two."""
    bag = _several(Kind.bag, tokens, parts=parts, depth=depth)
    items = [part for item in bag.items for part in (item.items if _is_pair(item) else (item,))]
    if len(items) == 1:
        return items[0]
    decimal = _decimal_comma(tokens)
    return replace(bag, items=tuple(items), other=decimal)


def _is_pair(item: Value) -> bool:
    return item.kind is Kind.bag and item.shape == _TWO_SIGNS


def _decimal_comma(tokens: Tokens) -> Value | None:
    """Return 2.74 for `2,74`."""
    if (
        len(tokens) != 3
        or tokens[1] != ","
        or not (tokens[0].isdecimal() and tokens[2].isdecimal())
    ):
        return None
    if tokens[0] != "0" and len(tokens[2]) != 2:
        return None
    return single((f"{tokens[0]}.{tokens[2]}",))


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
        outside = token[0].isdecimal() and not depth
        if outside or token in _NAMELESS or token[1:] in FUNCTIONS:
            return False
    return any(_variable(token) or is_word(token) for token in tokens)


def _variable(token: str) -> bool:
    command = token[0] == "\\" and token[1:].isalpha() and token[1:] not in FUNCTIONS
    return token.isalpha() or (command and token not in _CONSTANTS)


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
    separators = _SEMICOLONS if len(_parts(inside, _SEMICOLONS)) > 1 else _COMMAS
    parts = [part for part in _parts(inside, separators) if part]
    if len(parts) < 2:
        paired = tokens[0] + tokens[-1] in _PAIRS
        return read(inside, depth + 1) if paired else Value(latex=spelled(tokens))
    if tokens[0] == r"\{":
        return replace(_bag(inside, parts, depth), latex=spelled(tokens), other=None)
    shape = "()" if tokens[0] == r"\langle" else tokens[0] + tokens[-1]
    row = _several(Kind.row, tokens, parts=parts, depth=depth, shape=shape)
    return replace(row, shape=_open_at_infinity(row)) if len(parts) == 2 else row


def _open_at_infinity(row: Value) -> str:
    """Return the brackets of an interval, open where it has no end."""
    left, right = row.items
    return ("(" if left.infinite else row.shape[0]) + (")" if right.infinite else row.shape[1])


def _split_thousands(inside: Tokens) -> Tokens:
    """Return `(1,234)` as a pair, unless other separators with a space say that 1,234 is one."""
    if ", " in inside or ";" in inside:
        return inside
    split: list[str] = []
    for token in inside:
        head, *rest = token.split(",") if token[0].isdecimal() else [token]
        split.append(head)
        for part in rest:
            split.extend((",", part))
    return tuple(split)


def _matrix(tokens: Tokens, inside: Tokens, depth: int) -> Value:
    rows = [_parts(row, frozenset("&")) for row in _parts(inside, frozenset((r"\\",))) if row]
    if tokens[0] == r"\begin{cases}" and all(len(row) == 1 for row in rows):
        return _several(Kind.bag, tokens, parts=[row[0] for row in rows], depth=depth)
    if tokens[0] != r"\begin{matrix}":
        return Value(latex=spelled(tokens))
    columns = {len(row) for row in rows}
    if len(columns) != 1 or not all(part for row in rows for part in row):
        return Value(latex=spelled(tokens))
    parts = [part for row in rows for part in row]
    return _several(Kind.matrix, tokens, parts=parts, depth=depth, shape=str(columns.pop()))


def _plus_minus(tokens: Tokens, depth: int) -> Value:
    place = tokens.index(r"\pm")
    parts = [(*tokens[:place], sign, *tokens[place + 1 :]) for sign in "+-"]
    return _several(Kind.bag, tokens, parts=parts, depth=depth, shape=_TWO_SIGNS)
