"""Score against what it took: response tokens trained on, and hours of the training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from advdistill.compare.claims import Comparison
from advdistill.compare.runs import FinishedRun
from advdistill.report.arms import Arm, accuracies, mean
from advdistill.report.figures import Figure, Panel
from advdistill.report.ink import ACCENT, PAPER, QUIET, drawing, few_ticks, quiet_axes, svg_of
from advdistill.report.readable import label
from advdistill.report.spent import hours_of, on_gpus
from advdistill.report.tables import Table, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _HEIGHT = 330, 250
_LINE = 15
"""CSS pixels from one label to the next."""
_AROUND = 70
"""CSS pixels above and below the plot."""
_Point = tuple[float, float]
_Cost = Callable[[FinishedRun], float | None]


@dataclass(frozen=True, kw_only=True)
class _Time:
    """What trainings took, in a unit that suits them."""

    name: str
    of: _Cost


def score_against_cost(task: str, comparison: Comparison, arms: Sequence[Arm]) -> Figure | None:
    """Return score by tokens, and by hours where the runs recorded them; None without runs."""
    values = {cell.run: cell.value for cell in accuracies(comparison, task)}
    time = _time(arms)
    measures: list[tuple[str, str, _Cost]] = [
        ("tokens", "response tokens trained on", lambda run: run.training.get("tokens")),
        ("time", time.name, time.of),
    ]
    panels: list[Panel] = []
    for name, axis, cost in measures:
        points = {arm.label: _points(arm, values, cost) for arm in arms}
        if any(points.values()):
            panels.append(Panel(svg=_drawn(f"cost-{name}", axis, arms, points)))
    if not panels:
        return None
    return Figure(
        name="cost",
        title="Score against what it took",
        caption=(
            "A small point a seed, the large one their mean; hollow: controls. Further left at "
            "equal height is cheaper."
        ),
        panels=panels,
        table=_table(arms, values),
    )


def _points(arm: Arm, values: dict[str, float], cost: _Cost) -> list[_Point]:
    return [
        (spent, values[str(run.folder)])
        for run in arm.runs
        if str(run.folder) in values and (spent := cost(run)) is not None
    ]


def _drawn(name: str, axis: str, arms: Sequence[Arm], points: dict[str, list[_Point]]) -> str:
    told: list[str] = []
    named: list[tuple[str, _Point]] = []
    height = max(_HEIGHT, _LINE * len(arms) + _AROUND)
    with drawing(_WIDTH, height) as figure:
        axes = figure.subplots()
        for arm in arms:
            if not points[arm.label]:
                continue
            xs, ys = zip(*points[arm.label], strict=True)
            center = (sum(xs) / len(xs), sum(ys) / len(ys))
            color, face = (QUIET, PAPER) if arm.control else (ACCENT, ACCENT)
            axes.plot(xs, ys, linestyle="none", marker="o", markersize=4, color=color, alpha=0.5)
            axes.plot(
                *center, marker="o", markersize=9, color=color, markerfacecolor=face,
                markeredgewidth=1.6,
            )  # fmt: skip
            named.append((label(arm.label, 20), center))
            told.append(f"{label(arm.label)}: {number(center[0])} for {center[1]:.1f} %")
        axes.margins(x=0.12, y=0.12)
        axes.xaxis.set_major_formatter(lambda value, _: number(value))
        few_ticks(axes, most=3)
        quiet_axes(axes, x=axis, y="accuracy in percent")
        _labels(axes, named, _LINE / (height - _AROUND))
        return svg_of(
            figure, name=name, title=f"Accuracy against {axis}", description="; ".join(told)
        )


def _labels(axes: Axes, named: Sequence[tuple[str, _Point]], line: float) -> None:
    """Write the labels in a column beside the plot, a line from each to its point.

    `line` is the share of the plot's height that a label needs.
    """
    low, high = axes.get_ylim()
    upwards = sorted(named, key=lambda one: one[1][1])
    places = _apart([(y - low) / (high - low) for _, (_, y) in upwards], line)
    for (name, point), place in zip(upwards, places, strict=True):
        axes.annotate(
            name, point, xytext=(1.04, place), textcoords="axes fraction", va="center",
            arrowprops={
                "arrowstyle": "-", "color": QUIET, "linewidth": 0.6, "relpos": (0, 0.5),
                "shrinkA": 2, "shrinkB": 5,
            },
        )  # fmt: skip


def _apart(places: Sequence[float], line: float) -> list[float]:
    """Return ascending places, each moved as far as needed for `line` to be between any two."""
    lifted: list[float] = []
    for place in places:
        lifted.append(max([place, *(last + line for last in lifted[-1:])]))
    settled: list[float] = []
    for place in reversed(lifted):
        settled.append(min([place, 1.0, *(last - line for last in settled[-1:])]))
    return settled[::-1]


def _time(arms: Sequence[Arm]) -> _Time:
    """Return hours, or minutes where no training took a tenth of an hour."""
    runs = [run for arm in arms for run in arm.runs]
    longest = max((hours_of(run) or 0.0 for run in runs), default=0.0)
    unit, each = ("hours", 1) if longest >= 0.1 else ("minutes", 60)
    gpu = "GPU-" * all(on_gpus(run) for run in runs)

    def spent(run: FinishedRun) -> float | None:
        hours = hours_of(run)
        return None if hours is None else each * hours

    return _Time(name=f"{gpu}{unit} of training", of=spent)


def _table(arms: Sequence[Arm], values: dict[str, float]) -> Table:
    return Table(
        name="cost-table",
        caption="What each arm took, by the mean of its seeds",
        columns=("arm", "accuracy", "answers", "response tokens", "steps", _time(arms).name),
        rows=[
            (
                arm.label,
                _mean(arm, lambda run: values.get(str(run.folder))),
                _mean(arm, lambda run: run.training.get("examples_used")),
                _mean(arm, lambda run: run.training.get("tokens")),
                _mean(arm, lambda run: run.training.get("steps")),
                _mean(arm, _time(arms).of),
            )
            for arm in arms
        ],
    )


def _mean(arm: Arm, of: _Cost) -> str:
    return number(mean([value for run in arm.runs if (value := of(run)) is not None]))
