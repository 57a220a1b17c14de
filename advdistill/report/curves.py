"""Learning curves: what every training reported on its way, an arm a plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from advdistill.compare.runs import FinishedRun
from advdistill.report.arms import Arm
from advdistill.report.figures import Figure, Panel
from advdistill.report.ink import ACCENT, INK, QUIET, drawing, few_ticks, quiet_axes, svg_of
from advdistill.report.readable import label
from advdistill.report.tables import Table, number

_WIDTH, _HEIGHT = 300, 190
_POINTS = 120
"""Of a curve; a longer one is shown by the means of as many stretches."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A number that trainings report."""

    key: str
    name: str
    title: str
    caption: str
    scale: float = 1.0
    highest: bool = False
    """Whether its best value is the highest; else the lowest."""


DEV = Measure(
    key="dev_accuracy",
    name="dev-accuracy",
    title="Accuracy on dev while learning",
    caption=(
        "One line a seed. The checkpoint is chosen by this number, on problems that are neither "
        "trained nor tested on. In grey: the other arms, each by the mean of its seeds."
    ),
    scale=100.0,
    highest=True,
)
LOSS = Measure(
    key="loss",
    name="loss",
    title="Loss while learning",
    caption=(
        "One line a seed. Losses of arms with other weights or objectives are sums of other "
        "things: compare shapes, not heights."
    ),
)

Curve = list[tuple[float, float]]


def learning_curves(measure: Measure, arms: Sequence[Arm]) -> Figure | None:
    """Return the curves of every arm; None where no training reported this number."""
    curves = {arm.label: [_curve(run, measure) for run in arm.runs] for arm in arms}
    if not any(curve for ones in curves.values() for curve in ones):
        return None
    means = {name: _mean(ones) for name, ones in curves.items()}
    limits = _limits([value for ones in curves.values() for one in ones for _, value in one])
    return Figure(
        name=measure.name,
        title=measure.title,
        caption=measure.caption,
        panels=[
            Panel(
                svg=_drawn(
                    f"{measure.name}-{place}",
                    f"{measure.title}: {label(name)}",
                    ones,
                    others=[mean for other, mean in means.items() if other != name],
                    limits=limits,
                    heading=label(name, 34),
                )
            )
            for place, (name, ones) in enumerate(curves.items())
        ],
        table=_table(measure, arms, curves),
    )


def _curve(run: FinishedRun, measure: Measure) -> Curve:
    rows = [row for row in run.curves if measure.key in row]
    curve = [(row["step"], row[measure.key] * measure.scale) for row in rows]
    stretch = -(-len(curve) // _POINTS)
    parts = [curve[start : start + stretch] for start in range(0, len(curve), stretch or 1)]
    return [(part[-1][0], sum(value for _, value in part) / len(part)) for part in parts]


def _mean(curves: Sequence[Curve]) -> Curve:
    """Return the mean at the steps that all curves have."""
    tables = [dict(curve) for curve in curves]
    steps = sorted(set.intersection(*(set(table) for table in tables)))
    return [(step, sum(table[step] for table in tables) / len(tables)) for step in steps]


def _limits(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.06 * (high - low or 1.0)
    return low - room, high + room


def _drawn(
    name: str,
    title: str,
    curves: Sequence[Curve],
    *,
    others: Sequence[Curve],
    limits: tuple[float, float],
    heading: str,
) -> str:
    with drawing(_WIDTH, _HEIGHT, panel=True) as figure:
        axes = figure.subplots()
        for curve in others:
            axes.plot(*_columns(curve), color=QUIET, linewidth=1.2, alpha=0.4)
        for curve in curves:
            axes.plot(*_columns(curve), color=ACCENT, linewidth=1.6, alpha=0.85)
        axes.set_ylim(*limits)
        quiet_axes(axes, x="step", y="")
        axes.set_title(heading, loc="left", fontsize=12.5, fontweight="bold", color=INK)
        few_ticks(axes, whole=True)
        axes.tick_params(axis="x", color=QUIET)
        ends = ", ".join(number(curve[-1][1]) for curve in curves if curve)
        return svg_of(figure, name=name, title=title, description=f"At the end, by seed: {ends}.")


def _columns(curve: Curve) -> tuple[list[float], list[float]]:
    return [step for step, _ in curve], [value for _, value in curve]


def _table(measure: Measure, arms: Sequence[Arm], curves: dict[str, list[Curve]]) -> Table:
    best = max if measure.highest else min
    return Table(
        name=f"{measure.name}-table",
        caption=f"{measure.title}: first, best and last value of each run",
        columns=("arm", "seed", "first", "best", "at step", "last", "steps"),
        rows=[
            (
                arm.label,
                str(run.seed),
                number(curve[0][1]),
                number(top[1]),
                number(top[0]),
                number(curve[-1][1]),
                number(curve[-1][0]),
            )
            for arm in arms
            for run, curve in zip(arm.runs, curves[arm.label], strict=True)
            if curve
            for top in [best(curve, key=lambda point: point[1])]
        ],
    )
