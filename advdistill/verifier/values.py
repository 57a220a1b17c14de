"""What an answer says: a number, a tuple, a set, an interval, a matrix, a word, a formula."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from advdistill.verifier.near import Near

_LONGEST = 400
"""Longer canonical texts are cut: they are for people and for telling answers apart."""


class Kind(StrEnum):
    """How a value's parts belong together."""

    single = "single"
    bag = "bag"
    """In any order: `1, 2` and the set of both."""
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
    number: Fraction | None = None
    """What it is worth, exactly."""
    infinite: bool = False
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

    @property
    def canonical(self) -> str:
        """One text per value where it is made of numbers, else its spelling."""
        if self.number is not None and not self.percent:
            return str(self.number)[:_LONGEST]
        if self.kind in (Kind.single, Kind.matrix):
            return self.latex[:_LONGEST]
        parts = [item.canonical for item in self.items]
        inside = ",".join(parts if self.kind is Kind.row else sorted(set(parts)))
        opened, closed = self.shape if self.kind is Kind.row else "{}"
        return f"{opened}{inside}{closed}"[:_LONGEST]
