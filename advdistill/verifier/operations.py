"""What operators and functions make of numbers; refused where the result would be too big."""

import math
from fractions import Fraction

from advdistill.verifier.near import Near, power

Number = Fraction | Near
MAX_BITS = 4_096
_MAX_FACTORIAL = 500
_MAX_BINOMIAL = 4_000


class TooBigError(ArithmeticError):
    """The number is too big to be worked out here."""


class NotANumberError(ValueError):
    """An operator without what it operates on, or more than one way to read."""


def worked_out(operator: str, left: Number, right: Number) -> Number:
    """Return what an operator makes of the numbers on its sides."""
    match operator:
        case "+":
            return _bounded(left + right)
        case "-":
            return _bounded(left - right)
        case "/":
            return _bounded(left / right)
        case "^":
            return _power(left, exact(right))
        case "mixed":
            return _mixed(exact(left), exact(right))
        case _:
            return _bounded(left * right)


def _mixed(whole: Fraction, part: Fraction) -> Fraction:
    """Return 3/2 for 1 and 1/2; what 1 and 3/2 side by side mean is anyone's guess."""
    if not 0 < part < 1:
        raise NotANumberError
    return whole + part if whole >= 0 else whole - part


def applied(function: str, given: list[Number]) -> Number:
    """Return what a function makes of its arguments."""
    match function:
        case r"\frac":
            return _bounded(given[0] / given[1])
        case r"\sqrt":
            return _power(given[0], Fraction(1, 2))
        case _:
            return _binomial(exact(given[0]), exact(given[1]))


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
    if abs(exponent) * _bits(base) > MAX_BITS:
        raise TooBigError("a power")
    return base ** int(exponent)


def _near_power(base: Near, exponent: Fraction) -> Near:
    if exponent.denominator > 1 or base.value > 0:
        return power(base, exponent)
    return -power(-base, exponent) if exponent % 2 else power(-base, exponent)


def _exact_root(number: Fraction, degree: int) -> Fraction | None:
    """Return the root of a fraction where it is a fraction."""
    if number < 0 and degree % 2 == 0:
        raise NotANumberError
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


def exact(number: Number) -> Fraction:
    """Return a number that is no approximation."""
    if isinstance(number, Near):
        raise NotANumberError
    return number


def factorial(number: Fraction) -> Number:
    """Return the factorial of a whole number."""
    if number.denominator != 1 or number < 0:
        raise NotANumberError
    if number > _MAX_FACTORIAL:
        raise TooBigError("a factorial")
    return _bounded(Fraction(math.factorial(int(number))))


def _binomial(above: Fraction, below: Fraction) -> Number:
    if above.denominator != 1 or below.denominator != 1 or above < 0 or below < 0:
        raise NotANumberError
    if above > _MAX_BINOMIAL:
        raise TooBigError("a binomial coefficient")
    return _bounded(Fraction(math.comb(int(above), int(below))))


def _bounded(number: Number) -> Number:
    if isinstance(number, Fraction) and _bits(number) > MAX_BITS:
        raise TooBigError("a number")
    return number


def _bits(number: Fraction) -> int:
    return max(number.numerator.bit_length(), number.denominator.bit_length())
