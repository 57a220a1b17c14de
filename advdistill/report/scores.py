"""The scores themselves: every seed of every arm, between base student and teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from advdistill.compare.claims import CellScore, Comparison
from advdistill.report.arms import ANCHORS, ROLES, accuracies, mean
from advdistill.report.figures import Figure, Panel
from advdistill.report.ink import ACCENT, INK, PAPER, QUIET, drawing, framed, svg_of
from advdistill.report.readable import label
from advdistill.report.tables import MISSING, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE, _NARROW = 940, 328


def scores(name: str, task: str, comparison: Comparison) -> Figure:
    """Return a line per arm with its seeds as points and their mean as a stroke."""
    arms: dict[str, list[CellScore]] = {}
    for cell in accuracies(comparison, task):
        arms.setdefault(cell.arm, []).append(cell)
    anchors = {
        role: mean([cell.value for cell in accuracies(comparison, task, role)]) for role in ANCHORS
    }
    title = f"Accuracy on {label(task)}"
    return Figure(
        name=name,
        title=title,
        caption=(
            "A point a seed, the stroke their mean; hollow points are controls. Dashed lines: "
            "base student and teacher on the same problems."
        ),
        panels=[
            Panel(
                svg=_drawn(name, title, arms, anchors, wide=True),
                narrow=_drawn(f"{name}-narrow", title, arms, anchors, wide=False),
            )
        ],
        table=score_table(f"{name}-table", task, comparison),
        opened=True,
    )


def score_table(name: str, task: str, comparison: Comparison) -> Table:
    """Return every arm's mean over its seeds, its seeds, and the anchors."""
    rows = accuracies(comparison, task)
    seeds = sorted({cell.seed for cell in rows})
    arms = dict.fromkeys(cell.arm for cell in rows)
    return Table(
        name=name,
        caption=f"Accuracy on {task}, in percent; {rows[0].items if rows else 0} problems",
        columns=("model", "mean", *(f"seed {seed}" for seed in seeds)),
        rows=[
            *(_row(arm, [cell for cell in rows if cell.arm == arm], seeds) for arm in arms),
            *(
                _row(ROLES[role], accuracies(comparison, task, role)[:1], [])
                + (MISSING,) * len(seeds)
                for role in ANCHORS
                if accuracies(comparison, task, role)
            ),
        ],
    )


def _row(name: str, cells: Sequence[CellScore], seeds: Sequence[int]) -> tuple[str, ...]:
    by_seed = {cell.seed: f"{cell.value:.1f}" for cell in cells}
    average = mean([cell.value for cell in cells])
    shown = MISSING if average is None else f"{average:.1f}"
    return (name, shown, *(by_seed.get(seed, MISSING) for seed in seeds))


def _drawn(
    name: str,
    title: str,
    arms: Mapping[str, Sequence[CellScore]],
    anchors: Mapping[str, float | None],
    *,
    wide: bool,
) -> str:
    each, edge = (28, 66) if wide else (42, 70)
    with drawing(_WIDE if wide else _NARROW, len(arms) * each + edge) as figure:
        axes = figure.subplots()
        axes.set(ylim=(len(arms) - 0.4, -0.6), yticks=[], xlabel="accuracy in percent")
        axes.grid(visible=True, axis="x")
        axes.spines["bottom"].set_visible(False)
        for row, (arm, cells) in enumerate(arms.items()):
            _arm(axes, row, cells)
            _name(axes, row, arm, wide=wide)
        for role, value in anchors.items():
            if value is not None:
                axes.axvline(value, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
                axes.annotate(
                    ROLES[role], (value, 1), xycoords=("data", "axes fraction"), xytext=(0, 4),
                    textcoords="offset points", ha="center", va="bottom", fontsize=11,
                )  # fmt: skip
        return svg_of(figure, name=name, title=title, description=_told(arms, anchors))


def _arm(axes: Axes, row: int, cells: Sequence[CellScore]) -> None:
    values = [cell.value for cell in cells]
    control = cells[0].control
    average = sum(values) / len(values)
    axes.plot([average, average], [row - 0.28, row + 0.28], color=INK, linewidth=2.4)
    axes.plot(
        values, [row] * len(values), linestyle="none", marker="o", markersize=7,
        color=QUIET if control else ACCENT, markerfacecolor=PAPER if control else ACCENT,
        markeredgewidth=1.4, alpha=0.8,
    )  # fmt: skip


def _name(axes: Axes, row: int, arm: str, *, wide: bool) -> None:
    place = axes.get_yaxis_transform()
    if wide:
        axes.text(-0.02, row, label(arm), transform=place, ha="right", va="center", fontsize=13)
    else:
        axes.text(0, row - 0.32, label(arm), transform=place, ha="left", va="bottom", bbox=framed())


def _told(
    arms: Mapping[str, Sequence[CellScore]], anchors: Mapping[str, float | None]
) -> str:
    means = {arm: mean([cell.value for cell in cells]) for arm, cells in arms.items()}
    named = {ROLES[role]: value for role, value in anchors.items()}
    return "; ".join(
        f"{label(name)} {value:.1f}"
        for name, value in {**means, **named}.items()
        if value is not None
    )
