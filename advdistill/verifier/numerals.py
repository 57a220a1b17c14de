r"""Reads the number that a text holds, exactly: `$1,234.50`, `\frac34`, `5 million`, `-3`.

Model output is hostile input: every pattern runs in linear time, nothing is evaluated, and a
number has at most as many digits as 10**400.
"""

import re
from fractions import Fraction

from advdistill.verifier.number_spelling import THIN, plain

Number = Fraction | int
"""Whole numbers are mostly `int`, which is quicker; equal values are equal either way."""
_MAX_CHARACTERS = 2_000
"""What is longer states no number; in a text without a marker, how far back one is looked for."""
_MAX_AFTER = 40
"""How much behind the last digit may belong to its number: `million`."""
_MAX_POWER = 400
_MAX_DIGITS = _MAX_POWER + 1
"""Python itself refuses to read numbers of more than 4,300 digits."""


def parse_number(text: str) -> Number | None:
    """Return the one number that an answer such as `$1,234.50 per day` holds; None for none."""
    try:
        return value_of(text)
    except ValueError:
        return None


def value_of(answer: str) -> Number:
    """Return the one number of an answer; of an equation, that of its right side.

    Raises:
        ValueError: there is none or more than one, or it is negated, too long or only part of an
            expression.
    """
    short = _SHORT.fullmatch(answer)
    return _of_short(short) if short else general_value(answer)


_SHORT = re.compile(r"\$?(-?\d{1,15})(?:\.(\d{1,15}))?\.?", re.ASCII)
"""How most answers are written: read as the general reading does, only sooner."""


def _of_short(match: re.Match[str]) -> Number:
    whole, decimals = match.groups()
    return Fraction(int(whole + decimals), 10 ** len(decimals)) if decimals else int(whole)


def general_value(answer: str) -> Number:
    """Return what `value_of` does, for any spelling.

    Raises:
        ValueError: as in `value_of`.
    """
    if len(answer) > _MAX_CHARACTERS:
        raise ValueError(f"an answer of more than {_MAX_CHARACTERS} characters")
    said = _AFTERTHOUGHT.split(_with_thin_spaces(plain(answer)).strip(), maxsplit=1)[0]
    sides = said.split("=")
    while len(sides) > 1 and not _NUMBER.search(sides[-1]):
        sides.pop()
    right = _LONE_SIGN.sub(r"\1", sides[-1])
    found = list(_NUMBER.finditer(right))
    if not found:
        raise ValueError("no number found")
    if len(found) > 1 or _SEVERAL.search("=".join(sides[1:-1])):
        raise ValueError("more than one number found")
    before, after = right[: found[0].start()], right[found[0].end() :]
    if _NEGATION.search(before):
        raise ValueError("a negation, not a number")
    if "\\" in right or _held(before) or _GOES_ON.match(after) or _unsolved(sides):
        raise ValueError("an expression, not a number")
    return _exact(found[0])


def last_value(text: str) -> Number:
    """Return the last number of a text without a marked answer.

    Raises:
        ValueError: there is none, or it is too long or the end of an expression.
    """
    digits = _TO_LAST_DIGIT.match(text)
    end = digits.end() if digits else 0
    near = text[max(0, end - _MAX_CHARACTERS) : end + _MAX_AFTER]
    for line in reversed(near.split("\n")):
        shown = plain(line)
        found = list(_NUMBER.finditer(shown))
        if found:
            start = found[-1].start()
            if _UNFINISHED_SUM.search(shown[max(0, start - 8) : start]):
                raise ValueError("an expression, not a number")
            return _exact(found[-1])
    raise ValueError("no number found")


_CODES = "USD|EUR|GBP|CAD|AUD|JPY|CNY|INR|CHF"
_NUMBER = re.compile(
    rf"(?:(?:(?<![A-Za-z0-9)])|(?<={_CODES}))(?P<sign>[-+])\$?)?"
    rf"(?:(?<![A-Za-z0-9.,])|(?<={_CODES})|(?<=Rs)(?=\d)|(?<=Rs\.))"
    rf"(?P<whole>(?:\d|\.\d)(?:[\d.,{THIN}]|'(?=\d{{3}}))*)"
    r"(?:[eE](?P<exponent>[-+]?\d+)|:(?P<minutes>[0-5]\d)(?!\d)"
    r"|\s?/\s?(?P<below>-?\d[\d.,]*)|\s(?P<over>\d+)/(?P<under>\d+))?"
    r"(?:\s?(?P<scale>thousand|million|billion|trillion)s?(?![A-Za-z]))?"
)
_SCALES = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_TO_LAST_DIGIT = re.compile(r".*\d", re.DOTALL)
_LONE_SIGN = re.compile(r"\A\s*([-+])\s+")
_AFTERTHOUGHT = re.compile(r"(?<=[\d%])(?:\.\s|;\s(?![-$]?\d))|\bbecause\b|,\s(?:as|since)\b")
_SEVERAL = re.compile(r"[,;]\s{0,9}[A-Za-z]|\b(?:or|and)\b")
"""Between two equal signs: `x = 5 or x = 6`."""
_NEGATION = re.compile(r"\bnot\b|n't\b", re.IGNORECASE)
_UNFINISHED_SUM = re.compile(r"[\d)%]\s?(?:[-+/^]|\*{1,2})\s?[$(]?\Z")
_HELD = re.compile(
    r"(?:[-+/^<>≤≥±√÷]\s{0,9}|(?<=\S)\*\s{0,9}|\||[A-Za-z]\(|\b(?:log|ln|exp|sin|cos|tan|sqrt)\s)"
    r"[$(]{0,3}\Z"
)
"""An operator, a bar or a function before the number: `x-5`, `< 5`, `|-5`, `sqrt(16`."""
_DASH = re.compile(r"[A-Za-z]{2}\s{1,9}-\s{1,9}\Z")
_GOES_ON = re.compile(
    r"\s?(?:[+^*÷√]\s?[A-Za-z(\\]|[π√∞]|\+?\s?[/+]\Z|-\s?[A-Za-z](?![A-Za-z])|/\s?[xyzn](?![a-z]))"
    r"|[!_²³⁰-⁹]|\s[xyzn](?![A-Za-z'])|[A-Za-z]+\d|[xyz]{2,3}(?![A-Za-z])"
    r"|(?![mgshlLdcpCFNJVW])[A-Za-z](?![A-Za-z])"
)
"""What makes the number a part of something else: `5+x`, `5!`, `5x`, `0x1F`; `5m` is a length."""
_UNSOLVED = re.compile(r"\d\s?[xyzn]\s{0,9}\Z|[-+*/^]\s?[xyzn]\s{0,9}\Z|\b[xyzn]\s?[-+*/^]\s?\d")
"""The left side of `2x = 10` or of `x - 5 = 0`."""


def _held(before: str) -> bool:
    tail = before[-40:]
    return bool(_HELD.search(tail)) and not _DASH.search(tail)


def _unsolved(sides: list[str]) -> bool:
    return len(sides) > 1 and bool(_UNSOLVED.search(sides[-2][-40:]))


_SPACED_THOUSANDS = re.compile(
    r"(?<![\d.,/])(?<!\d )[1-9]\d{0,2}(?: \d{3})+(?:\.\d+|,\d\d?)?(?![\d/]|[.,]\d)"
)


def _with_thin_spaces(text: str) -> str:
    return _SPACED_THOUSANDS.sub(lambda match: match[0].replace(" ", THIN), text)


def _exact(match: re.Match[str]) -> Number:
    """Return the value of one number, with its sign, power, fraction, minutes or scale.

    Raises:
        ValueError: it is too long, misspelt, or divides by zero.
    """
    value = _decimal(match["whole"])
    if power := match["exponent"]:
        value *= Fraction(10) ** _power(power)
    elif below := match["below"]:
        value = Fraction(value) / _divisor(below)
    elif over := match["over"]:
        value += Fraction(_decimal(over)) / _divisor(match["under"])
    elif minutes := match["minutes"]:
        value += Fraction(int(minutes), 60)
    if scale := match["scale"]:
        value *= 10 ** _SCALES[scale]
    return -value if match["sign"] == "-" else value


_ENGLISH = re.compile(
    rf"\d+|\d*\.\d+|[1-9]\d{{0,2}}(?P<comma>[,{THIN}'])\d{{3}}(?:(?P=comma)\d{{3}})*(?:\.\d+)?"
    r"|[1-9]\d?(?:,\d\d)+,\d{3}(?:\.\d+)?"
)
"""The last is Indian: 12,34,567."""
_EUROPEAN = re.compile(
    rf"[1-9]\d{{0,2}}(?:\.\d{{3}}){{2,}}|[1-9]\d{{0,2}}(?:\.\d{{3}})+,\d+"
    rf"|[1-9]\d{{0,2}}(?:[{THIN}']\d{{3}})+,\d\d?"
)
"""Only what cannot be English: 1.234.567 and 1.234,5, but neither 1.234 nor 1,5."""


def _decimal(text: str) -> Number:
    """Return the value of digits with thousands separators and a decimal point.

    Raises:
        ValueError: it is too long or misspelt.
    """
    spelling = text.rstrip(f".,{THIN}")
    if _ENGLISH.fullmatch(spelling):
        digits = re.sub(f"[,{THIN}']", "", spelling)
    elif _EUROPEAN.fullmatch(spelling):
        digits = re.sub(f"[.{THIN}']", "", spelling).replace(",", ".")
    else:
        raise ValueError(f"'{spelling[:40]}' is not one number")
    if len(digits.replace(".", "")) > _MAX_DIGITS:
        raise ValueError(f"a number of more than {_MAX_DIGITS} digits")
    return Fraction(digits) if "." in digits else int(digits)


def _divisor(text: str) -> Fraction:
    """Return the value below a fraction bar.

    Raises:
        ValueError: it is zero, too long or misspelt.
    """
    below = text.removeprefix("-")
    value = Fraction(_decimal(below))
    if value == 0:
        raise ValueError("a division by zero")
    return value if below == text else -value


def _power(text: str) -> int:
    """Return the power of ten.

    Raises:
        ValueError: it is out of range.
    """
    power = int(text) if len(text) < 9 else _MAX_POWER + 1
    if abs(power) > _MAX_POWER:
        raise ValueError(f"a power of ten beyond {_MAX_POWER}")
    return power
