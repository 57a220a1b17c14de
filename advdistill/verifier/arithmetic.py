r"""Works out expressions of numbers: `2\cdot10^{3}`, `5!` and `1\frac{1}{2}` exactly, `2\pi` nearly.

An operator stack instead of recursion; a result of more than 4,096 bits is refused before it is
made, so that no answer can ask for much work.
"""

import math
import re
from collections.abc import Sequence
from decimal import DecimalException
from fractions import Fraction

from advdistill.verifier.near import PI, Near, UnclearError, power

Number = Fraction | Near
_MAX_BITS = 4_096
_DIGITS = re.compile(r"\d[\d,]*(?:\.\d+)?")
_BINARY = {"+": 1, "-": 1, r"\cdot": 2, "/": 2, "mixed": 3, "negate": 4, "^": 5}
"""Every operator with how tightly it binds; `mixed` puts 1 and 1/2 together to 3/2."""
_OPENERS = frozenset("{([")
_CLOSERS = frozenset("})]")
_FUNCTIONS = {r"\frac": 2, r"\binom": 2, r"\sqrt": 1}

_SIGNS = frozenset((*_BINARY, *_OPENERS, *_CLOSERS, *_FUNCTIONS, "!", r"\pi")) - {"mixed", "negate"}


class TooBigError(ArithmeticError):
    """The number is too big to be worked out here."""


class _NotANumberError(ValueError):
    """An operator without what it operates on, or more than one way to read."""


def value(tokens: Sequence[str]) -> Number | None:
    """Return what an expression of numbers is worth; None where it is not one.

    Raises:
        TooBigError: a number on the way has more than 4,096 bits.
        ZeroDivisionError: it divides by zero.
    """
    if not tokens or any(not _known(token) for token in tokens):
        return None
    try:
        return _Stack().run(tokens)
    except (IndexError, _NotANumberError, UnclearError):
        return None
    except (OverflowError, DecimalException) as error:
        raise TooBigError("a number beyond 2,000 digits") from error


def literal(token: str) -> Fraction | None:
    """Return the value of one number as it is written; None for anything else."""
    if not _DIGITS.fullmatch(token):
        return None
    if len(token) > _MAX_BITS // 4:
        raise TooBigError(f"a number of {len(token)} digits")
    return Fraction(token.replace(",", ""))


def _known(token: str) -> bool:
    return token[0].isdigit() or token in _SIGNS


class _Stack:
    """Numbers and operators that wait for their right side."""

    def __init__(self) -> None:
        self.numbers: list[Number] = []
        self.waiting: list[str] = []
        self.arguments: list[int] = []
        """Where a function's arguments begin among the numbers, innermost last."""
        self.ended = ""
        """What the number before is: `integer`, `decimal`, `fraction`, `factorial`, `other`, or empty."""

    def run(self, tokens: Sequence[str]) -> Number | None:
        for token in tokens:
            self._take(token)
        self._settle(0)
        if self.waiting or len(self.numbers) != 1:
            return None
        return self.numbers[0]

    def _take(self, token: str) -> None:
        if (number := literal(token)) is not None:
            if self.ended in ("integer", "decimal"):  # 1 2 are two numbers
                raise _NotANumberError
            self._begin()
            self.numbers.append(number)
            self.ended = "integer" if token.isdigit() else "decimal"
        elif token == r"\pi":
            self._begin()
            self.numbers.append(PI)
            self.ended = "other"
        elif token in _OPENERS:
            self._open(token)
        elif token in _CLOSERS:
            self._close()
        elif token in _FUNCTIONS:
            self._begin(fraction=token == r"\frac")
            self.waiting.append(token)
            self.arguments.append(len(self.numbers))
            self.ended = ""
        elif token == "!":
            if self.ended in ("", "factorial"):  # 5!! is not (5!)!
                raise _NotANumberError
            self.numbers.append(_factorial(_exact(self.numbers.pop())))
            self.ended = "factorial"
        else:
            self._operator(token)

    def _begin(self, *, fraction: bool = False) -> None:
        """Put a product between two numbers side by side, a sum in a mixed number."""
        if not self.ended:
            return
        before = self.waiting[-1] if self.waiting else ""
        if before == "/":  # 1/2(3) is 3/2 to some and 1/6 to others
            raise _NotANumberError
        mixed = fraction and self.ended == "integer" and before != "^"
        self._operator("mixed" if mixed else r"\cdot")

    def _open(self, token: str) -> None:
        if token == "[" and self.waiting[-1:] == [r"\sqrt"]:
            raise _NotANumberError
        if token != "{":
            self._begin()
        self.waiting.append(token)
        self.ended = ""

    def _close(self) -> None:
        """End a bracket; the last one of a function's arguments makes the function's number."""
        if not self.ended:
            raise _NotANumberError
        self._settle(0)
        self.waiting.pop()
        self.ended = "other"
        function = self.waiting[-1] if self.waiting else ""
        if function not in _FUNCTIONS:
            return
        self.ended = ""
        start = self.arguments[-1]
        if len(self.numbers) - start == _FUNCTIONS[function]:
            self.waiting.pop()
            self.arguments.pop()
            self.numbers[start:] = [_applied(function, self.numbers[start:])]
            self.ended = "fraction" if function == r"\frac" else "other"

    def _operator(self, token: str) -> None:
        if not self.ended and token in "+-":
            if token == "-":
                self.waiting.append("negate")
            return
        if not self.ended:
            raise _NotANumberError
        self._settle(_BINARY[token] + (token == "^"))
        self.waiting.append(token)
        self.ended = ""

    def _settle(self, tightness: int) -> None:
        """Work out what waits and binds at least as tightly."""
        while self.waiting and _BINARY.get(self.waiting[-1], -1) >= tightness:
            operator = self.waiting.pop()
            right = self.numbers.pop()
            if operator == "negate":
                self.numbers.append(-right)
            else:
                self.numbers.append(_worked_out(operator, self.numbers.pop(), right))


def _worked_out(operator: str, left: Number, right: Number) -> Number:
    match operator:
        case "+":
            return _bounded(left + right)
        case "-":
            return _bounded(left - right)
        case "/":
            return _bounded(left / right)
        case "^":
            return _power(left, _exact(right))
        case "mixed":
            return _mixed(_exact(left), _exact(right))
        case _:
            return _bounded(left * right)


def _mixed(whole: Fraction, part: Fraction) -> Fraction:
    """Return 3/2 for 1 and 1/2; what 1 and 3/2 side by side mean is anyone's guess."""
    if not 0 < part < 1:
        raise _NotANumberError
    return whole + part if whole >= 0 else whole - part


def _applied(function: str, given: list[Number]) -> Number:
    match function:
        case r"\frac":
            return _bounded(given[0] / given[1])
        case r"\sqrt":
            return _power(given[0], Fraction(1, 2))
        case _:
            return _binomial(_exact(given[0]), _exact(given[1]))


def _power(base: Number, exponent: Fraction) -> Number:
    if isinstance(base, Near):
        return _near_power(base, exponent)
    if exponent.denominator > 1:
        root = _exact_root(base, exponent.denominator)
        return power(base, exponent) if root is None else _power(root, Fraction(exponent.numerator))
    if base == 0 and exponent <= 0:
        raise ZeroDivisionError("zero to a power that is not positive")
    if abs(base) in (0, 1):
        return base if exponent % 2 or base >= 0 else -base
    if abs(exponent) * _bits(base) > _MAX_BITS:
        raise TooBigError("a power")
    return base ** int(exponent)


def _near_power(base: Near, exponent: Fraction) -> Near:
    if exponent.denominator > 1 or base.value > 0:
        return power(base, exponent)
    return -power(-base, exponent) if exponent % 2 else power(-base, exponent)


def _exact_root(number: Fraction, degree: int) -> Fraction | None:
    """Return the root of a fraction where it is a fraction."""
    if number < 0 and degree % 2 == 0:
        raise _NotANumberError
    if _bits(number) > 512 and degree > 2:
        raise TooBigError("a root")
    above, below = (
        _whole_root(part, degree) for part in (abs(number.numerator), number.denominator)
    )
    if above**degree != abs(number.numerator) or below**degree != number.denominator:
        return None
    return Fraction(above if number >= 0 else -above, below)


def _whole_root(number: int, degree: int) -> int:
    """Return the root, rounded down."""
    if degree == 2:
        return math.isqrt(number)
    if degree >= number.bit_length():
        return min(number, 1)
    low, high = 0, 1 << (number.bit_length() // degree + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**degree <= number else (low, middle - 1)
    return low


def _exact(number: Number) -> Fraction:
    if isinstance(number, Near):
        raise _NotANumberError
    return number


def _factorial(number: Fraction) -> Fraction:
    if number.denominator != 1 or number < 0:
        raise _NotANumberError
    if number > 500:
        raise TooBigError("a factorial")
    return _bounded(Fraction(math.factorial(int(number))))


def _binomial(above: Fraction, below: Fraction) -> Fraction:
    if above.denominator != 1 or below.denominator != 1 or above < 0 or below < 0:
        raise _NotANumberError
    if above > 4_000:
        raise TooBigError("a binomial coefficient")
    return _bounded(Fraction(math.comb(int(above), int(below))))


def _bounded(number: Number) -> Number:
    if isinstance(number, Fraction) and _bits(number) > _MAX_BITS:
        raise TooBigError("a number")
    return number


def _bits(number: Fraction) -> int:
    return max(number.numerator.bit_length(), number.denominator.bit_length())
