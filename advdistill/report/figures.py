"""A figure of the page: its plots, and the numbers in them as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from advdistill.report.tables import Table


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One plot."""

    svg: str
    narrow: str | None = None
    """The same drawn for a phone, where scaling would make it too small to read."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Plots that are looked at together."""

    name: str
    """The page's only figure of that name; letters and hyphens."""
    title: str
    caption: str
    """What to see, and how to read it."""
    panels: Sequence[Panel]
    table: Table
    opened: bool = False
    """Whether the table is seen without being asked for."""
