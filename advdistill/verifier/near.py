"""Irrational numbers to 60 digits with a bound on the error: enough to say that two differ."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

_CONTEXT = Context(prec=60)
_ROUNDING = Decimal("1e-58")
"""The error of one operation, as a share of its result."""
_FARTHEST = 2_000
"""The largest power of ten; beyond it is too big to be worked out here."""


class UnclearError(ValueError):
    """The error is as large as the number: it may be zero or negative."""


@dataclass(frozen=True, slots=True)
class Near:
    """A number that lies within `error` of `value`."""

    value: Decimal
    error: Decimal

    def __add__(self, other: Near | Fraction) -> Near:
        """Return the sum."""
        two = near(other)
        return _made(_CONTEXT.add(self.value, two.value), _CONTEXT.add(self.error, two.error))

    def __mul__(self, other: Near | Fraction) -> Near:
        """Return the product."""
        two = near(other)
        spread = _CONTEXT.multiply(abs(self.value) + self.error, two.error)
        spread = _CONTEXT.add(spread, _CONTEXT.multiply(abs(two.value), self.error))
        return _made(_CONTEXT.multiply(self.value, two.value), spread)

    def __truediv__(self, other: Near | Fraction) -> Near:
        """Return the quotient."""
        two = near(other)
        least = abs(two.value) - two.error
        if least <= 0:
            raise UnclearError
        quotient = _CONTEXT.divide(self.value, two.value)
        spread = _CONTEXT.add(self.error, _CONTEXT.multiply(abs(quotient), two.error))
        return _made(quotient, _CONTEXT.divide(spread, least))

    def __neg__(self) -> Near:
        """Return the opposite number."""
        return Near(self.value.copy_negate(), self.error)

    def __sub__(self, other: Near | Fraction) -> Near:
        """Return the difference."""
        return self + -other

    def __radd__(self, other: Fraction) -> Near:
        """Return the sum."""
        return self + other

    def __rmul__(self, other: Fraction) -> Near:
        """Return the product."""
        return self * other

    def __rsub__(self, other: Fraction) -> Near:
        """Return the difference."""
        return -self + other

    def __rtruediv__(self, other: Fraction) -> Near:
        """Return the quotient."""
        return near(other) / self

    def apart(self, other: Near | Fraction) -> bool:
        """Return whether the two certainly differ."""
        gap = self - other
        return abs(gap.value) > gap.error


PI = Near(
    Decimal("3.14159265358979323846264338327950288419716939937510582097494"), Decimal("1e-58")
)


def near(number: Near | Fraction) -> Near:
    """Return a fraction as a decimal with its error."""
    if isinstance(number, Near):
        return number
    return _made(
        _CONTEXT.divide(Decimal(number.numerator), Decimal(number.denominator)), Decimal(0)
    )


def power(base: Near | Fraction, exponent: Fraction) -> Near:
    """Return a power of a positive number."""
    number = near(base)
    least = number.value - number.error
    if least <= 0:
        raise UnclearError
    if exponent == Fraction(1, 2):  # the most frequent by far, and ten times faster
        raised = _CONTEXT.sqrt(number.value)
    else:
        raised = _CONTEXT.power(number.value, near(exponent).value)
    share = _CONTEXT.divide(number.error, least) * abs(near(exponent).value) * 2
    return _made(raised, _CONTEXT.multiply(abs(raised), share + Decimal("1e-54")))


def _made(value: Decimal, spread: Decimal) -> Near:
    if value and abs(value.adjusted()) > _FARTHEST:
        raise OverflowError("a number beyond 2,000 digits")
    return Near(value, _CONTEXT.add(spread, _CONTEXT.multiply(abs(value), _ROUNDING)))
