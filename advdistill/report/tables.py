"""A table of texts, before it is HTML, Markdown or LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MISSING = "\N{EN DASH}"
"""A cell of which nothing is known."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under names; the first columns are words, the others numbers."""

    name: str
    """The page's only table of that name; letters and hyphens."""
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1
    """How many columns hold words; they stand to the left."""


def percent(value: float | None) -> str:
    """Return a share from 0 to 1 in percent, with one decimal."""
    return MISSING if value is None else f"{100 * value:.1f}"


def points(value: float | None) -> str:
    """Return a difference in points, signed, with one decimal and a true minus."""
    return MISSING if value is None else f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")


def number(value: float | None) -> str:
    """Return a number with at most four figures, thousands parted."""
    if value is None:
        return MISSING
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return text.replace("-", "\N{MINUS SIGN}")


def chance(value: float | None) -> str:
    """Return a p value; a tiny one is given as a bound."""
    if value is None:
        return MISSING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
