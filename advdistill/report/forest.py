"""The forest plot: differences with their differences, one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from advdistill.report.figures import Figure, Panel
from advdistill.report.ink import ACCENT, INK, PAPER, QUIET, RULE, drawing, framed, svg_of
from advdistill.report.readable import label
from advdistill.report.tables import Table, chance, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE, _NARROW = 940, 328
"""CSS pixels."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A difference of two scores, in points."""

    label: str
    estimate: float
    low: float | None
    """None where no interval can be given; so is `high`, then."""
    high: float | None
    p_value: float | None
    p_adjusted: float | None
    """For the family of claims."""
    over: str
    """What the difference is a mean over, such as `3 seeds`."""

    @property
    def apart(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


def forest(
    name: str,
    title: str,
    differences: Sequence[Difference],
    *,
    caption: str,
    margin: float,
    drawn: int | None = None,
) -> Figure:
    """Return the plot; differences within `margin` points count as none, and are shaded.

    The table holds all of them, the plot the first `drawn`.
    """
    return Figure(
        name=name,
        title=title,
        caption=caption,
        panels=[
            Panel(
                svg=_drawn(name, title, differences[:drawn], margin, wide=True),
                narrow=_drawn(f"{name}-narrow", title, differences[:drawn], margin, wide=False),
            )
        ],
        table=Table(
            name=f"{name}-table",
            caption=f"{title}: differences in points of accuracy",
            columns=("difference", "over", "estimate", "low", "high", "p", "adjusted p"),
            rows=[
                (
                    one.label,
                    one.over,
                    points(one.estimate),
                    points(one.low),
                    points(one.high),
                    chance(one.p_value),
                    chance(one.p_adjusted),
                )
                for one in differences
            ],
            words=2,
        ),
    )


def _drawn(
    name: str, title: str, differences: Sequence[Difference], margin: float, *, wide: bool
) -> str:
    each, edge = (30, 46) if wide else (46, 54)
    with drawing(_WIDE if wide else _NARROW, len(differences) * each + edge) as figure:
        axes = figure.subplots()
        _frame(axes, differences, margin)
        for row, one in enumerate(differences):
            _interval(axes, row, one)
            (_words_beside if wide else _words_above)(axes, row, one)
        return svg_of(figure, name=name, title=title, description=_told(differences))


def _frame(axes: Axes, differences: Sequence[Difference], margin: float) -> None:
    ends = [end for one in differences for end in (one.estimate, one.low, one.high)]
    reach = 1.08 * max([2 * margin, *(abs(end) for end in ends if end is not None)])
    axes.set(
        xlim=(-reach, reach), ylim=(len(differences) - 0.4, -0.6), yticks=[],
        xlabel="difference in points of accuracy",
    )  # fmt: skip
    axes.grid(visible=True, axis="x")
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0)
    axes.axvspan(-margin, margin, color=RULE, alpha=0.6, linewidth=0)
    axes.axvline(0, color=INK, linewidth=1.2)


def _interval(axes: Axes, row: int, one: Difference) -> None:
    color = ACCENT if one.apart else QUIET
    if one.low is not None and one.high is not None:
        axes.plot(
            [one.low, one.high], [row, row], color=color, linewidth=2.4,
            solid_capstyle="round",
        )  # fmt: skip
    axes.plot(
        [one.estimate], [row], marker="o" if one.apart else "s", markersize=8,
        color=color, markerfacecolor=color if one.apart else PAPER, markeredgewidth=1.8,
    )  # fmt: skip


def _words_beside(axes: Axes, row: int, one: Difference) -> None:
    place = axes.get_yaxis_transform()
    axes.text(-0.02, row, label(one.label), transform=place, ha="right", va="center", fontsize=13)
    axes.text(
        1.02, row, _spelt(one), transform=place, ha="left", va="center", fontsize=13,
        color=INK if one.apart else QUIET,
    )  # fmt: skip


def _words_above(axes: Axes, row: int, one: Difference) -> None:
    place = axes.get_yaxis_transform()
    axes.text(
        0, row - 0.3, label(one.label, 32), transform=place, ha="left", va="bottom", bbox=framed()
    )
    axes.text(
        1, row - 0.3, _spelt(one), transform=place, ha="right", va="bottom",
        color=INK if one.apart else QUIET, bbox=framed(),
    )  # fmt: skip


def _spelt(one: Difference) -> str:
    if one.low is None:
        return f"{points(one.estimate)}, no interval"
    return f"{points(one.estimate)}  [{points(one.low)}, {points(one.high)}]"


def _told(differences: Sequence[Difference]) -> str:
    """Return the plot in words."""
    return "; ".join(f"{label(one.label)}: {_spelt(one)} points" for one in differences)
