"""A run's scores with intervals, as its card states them."""

from __future__ import annotations

from dataclasses import dataclass

from advdistill.cells import ModelScore
from advdistill.compare.runs import FinishedRun
from advdistill.records import Verdict
from advdistill.statistics.mcnemar import exact_mcnemar

LEVEL = 0.95
_DEVIATIONS = 1.959964
"""Of a normal distribution, on either side: LEVEL."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A score, as a share, with its confidence interval over items."""

    role: str
    task: str
    value: float
    low: float
    high: float
    items: int
    truncated: float


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Student against base student on the same items, one answer each."""

    task: str
    points: float
    only_student: int
    only_base: int
    p_value: float


def intervals(run: FinishedRun) -> list[Interval]:
    """Return every score of the run."""
    return [_interval(run, score) for score in run.scores]


def gains(run: FinishedRun) -> list[Gain]:
    """Return the student's gain where the base student was scored on the same, one answer each."""
    pairs = [
        (task, run.items(task, "student"), run.items(task, "base"))
        for task in run.tasks
        if {"student", "base"} <= set(run.roles(task))
    ]
    return [
        Gain(
            task=task,
            points=100 * (found.only_first - found.only_second) / len(student),
            only_student=found.only_first,
            only_base=found.only_second,
            p_value=found.p_value,
        )
        for task, student, base in pairs
        if len({item.item_id for item in student}) == len(student)
        for found in [exact_mcnemar(student, base)]
    ]


def _interval(run: FinishedRun, score: ModelScore) -> Interval:
    low, high = _ends(run, score)
    return Interval(
        role=score.role,
        task=score.task,
        value=score.accuracy,
        low=low,
        high=high,
        items=score.items,
        truncated=score.truncated,
    )


def _ends(run: FinishedRun, score: ModelScore) -> tuple[float, float]:
    """Return Wilson's interval for one answer an item, else a normal one from the items' spread."""
    from scipy.stats import binomtest

    items = run.items(score.task, score.role)
    if len(items) == score.items:
        right = sum(item.verdict is Verdict.passed for item in items)
        found = binomtest(right, len(items)).proportion_ci(LEVEL, method="wilson")
        return float(found.low), float(found.high)
    reach = _DEVIATIONS * score.stderr
    return max(0.0, score.accuracy - reach), min(1.0, score.accuracy + reach)
