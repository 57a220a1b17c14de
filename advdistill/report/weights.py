"""The weights that each arm gave the pool, and how many answers to a prompt are right."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.compare.runs import FinishedRun
from advdistill.making import read_shards
from advdistill.making_weights import HEALTH
from advdistill.records import TOTAL, Reward, Verdict, Weight
from advdistill.report.arms import Arm
from advdistill.report.figures import Figure, Panel
from advdistill.report.ink import (
    ACCENT,
    CONTRAST,
    INK,
    QUIET,
    drawing,
    few_ticks,
    quiet_axes,
    svg_of,
)
from advdistill.report.readable import label
from advdistill.report.tables import Table, number, percent

_WIDTH, _HEIGHT = 300, 190
_BINS = 30
_WIDEST = 16
"""Answers to a prompt beyond which groups are shown by tenths."""


@dataclass(frozen=True, kw_only=True)
class _Weighed:
    """The weights of an arm, of all seeds whose weights differ, by whether the answer is right."""

    right: NDArray[np.float64]
    other: NDArray[np.float64]
    """Of wrong answers and those of which it is not known."""
    health: dict[str, float]

    @property
    def all(self) -> NDArray[np.float64]:
        """Both."""
        return np.concatenate([self.right, self.other])


def weight_histograms(arms: Sequence[Arm]) -> Figure:
    """Return a histogram per arm, right answers apart from the others."""
    weighed = {arm.label: _weighed(arm) for arm in arms}
    return Figure(
        name="weights",
        title="Weights of the answers",
        caption=(
            "Answers of the pool by the weight they got; blue: right answers, orange on top "
            "of them: all others. An arm whose weights are drawn by seed is shown with all of its "
            "seeds. The axes differ between plots."
        ),
        panels=[
            Panel(svg=_histogram(f"weights-{place}", name, one))
            for place, (name, one) in enumerate(weighed.items())
        ],
        table=_health_table(weighed),
    )


def right_counts(arms: Sequence[Arm]) -> Figure:
    """Return how many prompts have k right answers of N, for every pool of judged answers."""
    pools = {
        run.stages["judge"].digest: run for arm in reversed(arms) for run in reversed(arm.runs)
    }
    counts = {
        digest: _bins(_rights(run)) for digest, run in sorted(pools.items(), key=lambda one: one[0])
    }
    return Figure(
        name="rights",
        title="Right answers to each prompt",
        caption=(
            "Prompts by how many of their judged answers are right; one with fewer judged answers "
            "than the others stands where its share is nearest. Only between none and all, in "
            "blue, do the rewards tell one answer from another."
        ),
        panels=[
            Panel(svg=_bars(f"rights-{place}", digest, bins))
            for place, (digest, bins) in enumerate(counts.items())
        ],
        table=Table(
            name="rights-table",
            caption="Prompts by right answers",
            columns=("pool", "right", "prompts"),
            rows=[
                (digest[:12], name, str(count))
                for digest, bins in counts.items()
                for name, count in bins.items()
            ],
            words=2,
        ),
    )


def _weighed(arm: Arm) -> _Weighed:
    # Seeds whose weights are the same bytes are shown once.
    distinct = {run.stages["weigh"].digest: run for run in reversed(arm.runs)}
    right: list[float] = []
    other: list[float] = []
    for run in distinct.values():
        passed = _passed(run)
        for weight in read_shards(run.stages["weigh"].folder, Weight):
            place = right if (weight.prompt_id, weight.sample) in passed else other
            place.append(weight.value)
    return _Weighed(
        right=np.array(sorted(right)),
        other=np.array(sorted(other)),
        health=arm.runs[0].stages["weigh"].meta["health"],
    )


def _passed(run: FinishedRun) -> set[tuple[str, int]]:
    return {
        (reward.prompt_id, reward.sample)
        for reward in read_shards(run.stages["judge"].folder, Reward)
        if reward.rule == TOTAL and reward.verdict is Verdict.passed
    }


def _histogram(name: str, arm: str, weighed: _Weighed) -> str:
    low, high = float(weighed.all.min(initial=0)), float(weighed.all.max(initial=0))
    if low == high:
        high = low + 1
    edges = np.linspace(low, high, _BINS + 1)
    right, _ = np.histogram(weighed.right, edges)
    other, _ = np.histogram(weighed.other, edges)
    with drawing(_WIDTH, _HEIGHT, panel=True) as figure:
        axes = figure.subplots()
        axes.stairs(right, edges, fill=True, color=ACCENT, linewidth=0)
        axes.stairs(
            right + other, edges, baseline=right, fill=True, color=CONTRAST, linewidth=0,
        )  # fmt: skip
        if low < 0:
            axes.axvline(0, color=INK, linewidth=1)
        few_ticks(axes)
        quiet_axes(axes, x="weight", y="")
        axes.set_title(label(arm, 34), loc="left", fontsize=12.5, fontweight="bold", color=INK)
        told = (
            f"{len(weighed.right)} right answers of mean weight {_mean(weighed.right)}, "
            f"{len(weighed.other)} others of mean weight {_mean(weighed.other)}."
        )
        return svg_of(figure, name=name, title=f"Weights of {label(arm)}", description=told)


def _mean(values: NDArray[np.float64]) -> str:
    return number(float(values.mean())) if len(values) else number(None)


def _health_table(weighed: dict[str, _Weighed]) -> Table:
    return Table(
        name="weights-table",
        caption="Weights of each arm (first seed): their mean, and how even they are",
        columns=(
            "arm", "mean, right", "mean, others", "of weight 0, %", "negative, % of sum",
            "effective, %", "largest, % of sum",
        ),
        rows=[
            (
                name,
                _mean(one.right),
                _mean(one.other),
                percent(float((one.all == 0).mean()) if len(one.all) else None),
                percent(one.health.get("negative_share")),
                percent(one.health.get("effective_share")),
                percent(one.health.get("largest_share")),
            )
            for name, one in weighed.items()
        ],
    )  # fmt: skip


def _rights(run: FinishedRun) -> dict[int, list[int]]:
    health = json.loads((run.stages["weigh"].folder / HEALTH).read_text())
    return {int(judged): counts for judged, counts in health["rights"].items()}


def _bins(rights: dict[int, list[int]]) -> dict[str, int]:
    """Return the prompts by k of N, or by tenths where groups are large or of many sizes.

    Only a prompt without any right answer, or with nothing else, is counted as such.
    """
    widest = max(rights, default=0)
    most_have_it = 2 * sum(rights.get(widest, [])) > sum(map(sum, rights.values()))
    by_count = widest <= _WIDEST and most_have_it
    if by_count:
        names = [f"{right}/{widest}" for right in range(widest + 1)]
    else:
        names = ["none", *(f"{low}-{low + 10} %" for low in range(0, 100, 10)), "all"]
    found: Counter[str] = Counter()
    for judged, counts in rights.items():
        for right, count in enumerate(counts):
            found[names[_place(right, judged, len(names), nearest=by_count)]] += count
    return {name: found[name] for name in names}


def _place(right: int, judged: int, places: int, *, nearest: bool) -> int:
    """Return the place of a share, the first being that of 0 and the last that of 1."""
    if right in (0, judged):
        return places - 1 if right else 0
    if nearest:
        return min(max(round((places - 1) * right / judged), 1), places - 2)
    return 1 + (places - 2) * right // judged


def _bars(name: str, digest: str, bins: dict[str, int]) -> str:
    with drawing(330, 220, panel=True) as figure:
        axes = figure.subplots()
        colors = [QUIET, *[ACCENT] * (len(bins) - 2), QUIET]
        bars = axes.bar(range(len(bins)), list(bins.values()), color=colors, width=0.72)
        axes.bar_label(bars, fontsize=11, color=INK, padding=2)
        axes.set_xticks(range(len(bins)), list(bins), rotation=0 if len(bins) < 10 else 45)
        axes.tick_params(length=0)
        quiet_axes(axes, x=f"right answers; pool {digest[:8]}", y="prompts")
        told = ", ".join(f"{count} prompts with {right}" for right, count in bins.items())
        return svg_of(figure, name=name, title="Prompts by right answers", description=told)
