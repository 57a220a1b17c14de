"""The scores themselves: every seed of every arm, between base student and teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from advdistill.compare.claims import Comparison
from advdistill.report.arms import ANCHORS, ROLES, Arm, accuracies, accuracies_of
from advdistill.report.figures import Figure, Panel
from advdistill.report.ink import ACCENT, INK, PAPER, QUIET, drawing, framed, svg_of
from advdistill.report.readable import label
from advdistill.report.tables import MISSING, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE, _NARROW = 940, 328


@dataclass(frozen=True, kw_only=True)
class _Line:
    """An arm's accuracies in percent."""

    name: str
    control: bool
    by_seed: Mapping[int, float]

    @property
    def mean(self) -> float:
        return sum(self.by_seed.values()) / len(self.by_seed)


def scores(name: str, task: str, comparison: Comparison, arms: Sequence[Arm]) -> Figure:
    """Return a line per arm with its seeds as points and their mean as a stroke."""
    lines = [
        _Line(name=arm.label, control=arm.control, by_seed=by_seed)
        for arm in arms
        if (by_seed := accuracies_of(comparison, task, arm))
    ]
    anchors = {
        ROLES[role]: sorted({cell.value for cell in accuracies(comparison, task, role)})
        for role in ANCHORS
    }
    title = f"Accuracy on {label(task)}"
    items = accuracies(comparison, task)[0].items
    return Figure(
        name=name,
        title=title,
        caption=(
            "A point a seed, the stroke their mean; hollow points are controls. Dashed lines: "
            "base student and teacher on the same problems."
        ),
        panels=[
            Panel(
                svg=_drawn(name, title, lines, anchors, wide=True),
                narrow=_drawn(f"{name}-narrow", title, lines, anchors, wide=False),
            )
        ],
        table=_table(f"{name}-table", f"{title}, in percent; {items:,} problems", lines, anchors),
        opened=True,
    )


def _table(
    name: str, caption: str, lines: Sequence[_Line], anchors: Mapping[str, Sequence[float]]
) -> Table:
    """Return every arm's mean over its seeds, its seeds, and the anchors."""
    seeds = sorted({seed for line in lines for seed in line.by_seed})
    return Table(
        name=name,
        caption=caption,
        columns=("model", "mean", *(f"seed {seed}" for seed in seeds)),
        rows=[
            *(
                (
                    line.name,
                    f"{line.mean:.1f}",
                    *(
                        f"{line.by_seed[seed]:.1f}" if seed in line.by_seed else MISSING
                        for seed in seeds
                    ),
                )
                for line in lines
            ),
            *(
                (role, f"{value:.1f}", *[MISSING] * len(seeds))
                for role, values in anchors.items()
                for value in values
            ),
        ],
    )


def _drawn(
    name: str,
    title: str,
    lines: Sequence[_Line],
    anchors: Mapping[str, Sequence[float]],
    *,
    wide: bool,
) -> str:
    each, edge = (28, 66) if wide else (42, 70)
    with drawing(_WIDE if wide else _NARROW, len(lines) * each + edge) as figure:
        axes = figure.subplots()
        axes.set(ylim=(len(lines) - 0.4, -0.6), yticks=[], xlabel="accuracy in percent")
        axes.grid(visible=True, axis="x")
        axes.spines["bottom"].set_visible(False)
        for row, line in enumerate(lines):
            _arm(axes, row, line)
            _name(axes, row, line.name, wide=wide)
        for role, values in anchors.items():
            for value in values:
                _anchor(axes, role, value)
        return svg_of(figure, name=name, title=title, description=_told(lines, anchors))


def _arm(axes: Axes, row: int, line: _Line) -> None:
    values = list(line.by_seed.values())
    axes.plot([line.mean, line.mean], [row - 0.28, row + 0.28], color=INK, linewidth=2.4)
    axes.plot(
        values, [row] * len(values), linestyle="none", marker="o", markersize=7,
        color=QUIET if line.control else ACCENT,
        markerfacecolor=PAPER if line.control else ACCENT, markeredgewidth=1.4, alpha=0.8,
    )  # fmt: skip


def _anchor(axes: Axes, role: str, value: float) -> None:
    axes.axvline(value, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.annotate(
        role, (value, 1), xycoords=("data", "axes fraction"), xytext=(0, 4),
        textcoords="offset points", ha="center", va="bottom",
    )  # fmt: skip


def _name(axes: Axes, row: int, arm: str, *, wide: bool) -> None:
    place = axes.get_yaxis_transform()
    if wide:
        axes.text(-0.02, row, label(arm), transform=place, ha="right", va="center", fontsize=13)
    else:
        axes.text(0, row - 0.32, label(arm), transform=place, ha="left", va="bottom", bbox=framed())


def _told(lines: Sequence[_Line], anchors: Mapping[str, Sequence[float]]) -> str:
    arms = [f"{label(line.name)} {line.mean:.1f}" for line in lines]
    others = [f"{role} {value:.1f}" for role, values in anchors.items() for value in values]
    return "; ".join([*arms, *others])
