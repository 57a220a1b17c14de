r"""Reads what has no parts: a number with its unit, a percentage, a time, a word, a formula."""

from fractions import Fraction

from advdistill.verifier.arithmetic import value
from advdistill.verifier.latex import UNITS, Tokens, is_word, spelled
from advdistill.verifier.operations import TooBigError
from advdistill.verifier.values import Kind, Value

_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_BASES = {"two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7"}
_BASES |= {"eight": "8", "nine": "9", "ten": "10", "twelve": "12", "sixteen": "16"}
_DAYTIMES = frozenset(("am", "pm"))
_COUNTED = frozenset((r"\frac", r"\sqrt", r"\pi"))
_SUFFIX = frozenset("^{}/.'-23") | {r"\cdot"}
r"""What may stand between and behind the words of a unit: `\text{cm}^{2}`."""
_DECIMALS = 6
"""A decimal with as many places may be a rounded value."""


def single(tokens: Tokens) -> Value:
    """Return a value that has no parts."""
    if base := _in_base(tokens):
        return base
    counted, scale = _without_unit(tokens)
    percent = counted[-1:] in ((r"\%",), ("%",))
    body = counted[:-1] if percent else counted
    if literal := _literal(body):
        return literal
    if body[-1:] == (r"\infty",) and body[:-1] in ((), ("+",), ("-",)):
        negative = body[0] == "-"
        return Value(latex=r"-\infty" if negative else r"\infty", infinite=True)
    ratio = body.count(":") == 1
    try:
        number = value(tuple("/" if token == ":" else token for token in body) if ratio else body)
    except TooBigError:
        number = None
    except ZeroDivisionError:
        return Value(latex=spelled(body), undefined=True)
    if number is None:
        return Value(latex=spelled(body), percent=percent)
    number = number * Fraction(scale)
    if not isinstance(number, Fraction):
        return Value(latex=spelled(body), percent=percent, near=number)
    step = _step(body)
    return Value(
        latex=spelled(body) if scale == 1 else str(number),
        number=number,
        step=step and step * scale,
        percent=percent,
        other=_list_of_thousands(body),
    )


def _literal(tokens: Tokens) -> Value | None:
    """Return what is worth nothing but its spelling: words, a time of day, the empty set."""
    if _is_time(tokens):
        return Value(latex="".join(map(_word, tokens)).lstrip("0"), literal=True)
    if tokens == (r"\emptyset",):
        return Value(latex=r"\emptyset", literal=True)
    if any(is_word(token) for token in tokens):
        return Value(latex="".join(map(_word, tokens)), literal=True)
    return None


def _word(token: str) -> str:
    return token.removeprefix(r"\text{").removesuffix("}") if is_word(token) else token.strip()


def _in_base(tokens: Tokens) -> Value | None:
    r"""Return `11_{2}`, which is no number to calculate with; None for anything else."""
    place = tokens.index("_") if "_" in tokens else 0
    digits, base = tokens[:place], tokens[place + 2 : -1]
    if not place or tokens[-1] != "}" or not any(token[0].isdecimal() for token in digits):
        return None
    if not all(token[0].isdecimal() or token in "-ABCDEF" for token in digits):
        return None
    if not base or not all(token.isdecimal() or is_word(token) for token in base):
        return None
    said = "".join(_BASES.get(_word(token), _word(token)) for token in base)
    return Value(latex=f"{''.join(digits)}_{{{said}}}", literal=True)


def _without_unit(tokens: Tokens) -> tuple[Tokens, int]:
    """Return what stands before the unit, and what a word such as `million` multiplies it with."""
    first = next((place for place, token in enumerate(tokens) if is_word(token)), len(tokens))
    before, unit = tokens[:first], tokens[first:]
    plain = (is_word(token) or token.isalpha() or token in _SUFFIX for token in unit)
    if not unit or not all(plain):
        return tokens, 1
    words = [_word(token).lower() for token in unit if is_word(token)]
    counted = any(token[0].isdecimal() or token in _COUNTED for token in before)
    measured = len(before) == 1 and words[0] in UNITS
    if not (counted or measured) or _DAYTIMES.intersection(words):
        return tokens, 1
    return before, _SCALES.get(words[0], 1)


def _is_time(tokens: Tokens) -> bool:
    """Return whether it is a time of day, `12:30`, with or without `pm`."""
    digits, colons = tokens[::2], tokens[1::2]
    if digits and is_word(tokens[-1]) and len(tokens) % 2 == 0:
        digits, colons = tokens[:-1:2], tokens[1:-1:2]
    minutes = all(token.isdecimal() and len(token) == 2 and token < "60" for token in digits[1:])
    return bool(colons) and set(colons) == {":"} and digits[0].isdecimal() and minutes


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
    if len(signless) == 1 and decimals >= _DECIMALS and digits >= 4:
        return Fraction(1, 10**decimals)
    scientific = digits >= _DECIMALS and isinstance(exponent, Fraction)
    return exponent / 10**decimals if scientific else None
