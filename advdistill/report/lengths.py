"""How long the answers to the test problems are, and how many were cut off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from advdistill.compare.runs import FinishedRun
from advdistill.records import Finish, Item, Verdict
from advdistill.report.arms import ANCHORS, ROLES, STUDENT, Arm, mean
from advdistill.report.figures import Figure, Panel
from advdistill.report.ink import ACCENT, INK, QUIET, drawing, framed, svg_of
from advdistill.report.readable import label
from advdistill.report.tables import MISSING, Table, number, percent

_WIDE, _NARROW = 940, 328
_SHARES = (5, 25, 50, 75, 95)
"""Percentiles."""


def lengths(task: str, arms: Sequence[Arm]) -> Figure:
    """Return the spread of the lengths of every arm's answers, and of the anchors'."""
    items = answers_by_model(task, arms)
    title = "Length of the answers"
    return Figure(
        name="lengths",
        title=title,
        caption=(
            "Characters of an answer to a test problem. The thin line holds the middle 90 % of the "
            "answers, the thick one the middle half, the stroke is the median."
        ),
        panels=[
            Panel(
                svg=_drawn("lengths", title, items, wide=True),
                narrow=_drawn("lengths-narrow", title, items, wide=False),
            )
        ],
        table=_table(items),
    )


def answers_by_model(task: str, arms: Sequence[Arm]) -> dict[str, list[Item]]:
    """Return every answer of base student, teacher and each arm, all seeds of it together."""
    first: FinishedRun = arms[0].runs[0]
    anchors = {
        ROLES[role]: first.items(task, role) for role in ANCHORS if role in first.roles(task)
    }
    students = {
        arm.label: [item for run in arm.runs for item in run.items(task, STUDENT)] for arm in arms
    }
    return {**anchors, **students}


def _drawn(name: str, title: str, items: Mapping[str, Sequence[Item]], *, wide: bool) -> str:
    each, edge = (28, 46) if wide else (42, 50)
    with drawing(_WIDE if wide else _NARROW, len(items) * each + edge) as figure:
        axes = figure.subplots()
        axes.set(ylim=(len(items) - 0.4, -0.6), yticks=[], xlabel="characters")
        axes.grid(visible=True, axis="x")
        axes.spines["bottom"].set_visible(False)
        for row, (model, answers) in enumerate(items.items()):
            least, low, middle, high, most = _percentiles(answers)
            color = QUIET if model in ROLES.values() else ACCENT
            axes.plot([least, most], [row, row], color=color, linewidth=1.6)
            axes.plot([low, high], [row, row], color=color, linewidth=7, solid_capstyle="butt")
            axes.plot([middle, middle], [row - 0.26, row + 0.26], color=INK, linewidth=2.4)
            where = (-0.02, row) if wide else (0, row - 0.3)
            axes.text(
                *where, label(model), transform=axes.get_yaxis_transform(),
                ha="right" if wide else "left", va="center" if wide else "bottom",
                fontsize=13 if wide else 11, bbox=framed(),
            )  # fmt: skip
        axes.set_xlim(left=0)
        told = "; ".join(
            f"{label(model)}: median {number(_percentiles(answers)[2])}"
            for model, answers in items.items()
        )
        return svg_of(figure, name=name, title=title, description=told)


def _percentiles(answers: Sequence[Item]) -> tuple[float, ...]:
    sizes = [len(item.response) for item in answers] or [0]
    return tuple(float(value) for value in np.percentile(sizes, _SHARES))


def _table(items: Mapping[str, Sequence[Item]]) -> Table:
    return Table(
        name="lengths-table",
        caption="Characters of the answers, and what became of them in percent",
        columns=(
            "model", "median", "5 %", "95 %", "mean, right", "mean, not right", "cut off",
            "unparsed", "error or timeout",
        ),
        rows=[(model, *_row(answers)) for model, answers in items.items()],
    )  # fmt: skip


def _row(answers: Sequence[Item]) -> list[str]:
    least, _, middle, _, most = _percentiles(answers)
    right = [len(item.response) for item in answers if item.verdict is Verdict.passed]
    other = [len(item.response) for item in answers if item.verdict is not Verdict.passed]
    if not answers:
        return [MISSING] * 8
    return [
        number(middle),
        number(least),
        number(most),
        number(mean(right)),
        number(mean(other)),
        *(
            percent(sum(hits) / len(answers))
            for hits in (
                [item.finish is Finish.length for item in answers],
                [item.verdict is Verdict.unparsed for item in answers],
                [item.verdict in (Verdict.error, Verdict.timeout) for item in answers],
            )
        ),
    ]
