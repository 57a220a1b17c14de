"""Which arms are compared with which, seed by seed, and which are not.

Axes: `S` seeds, `I` items.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from advdistill.compare.arms import Arm, context_of, controls_of
from advdistill.compare.checks import Pair, missing_items, refusals_of
from advdistill.compare.claims import Refusal
from advdistill.compare.scored import Scored
from advdistill.compare.sentences import few_seeds_sentence
from advdistill.compare.weightings import ArmPair
from advdistill.statistics.crossed import LEAST_SEEDS, Array


@dataclass(frozen=True, kw_only=True)
class Matched:
    """Two arms that may be compared on a task, with the seeds that both have."""

    task: str
    factor: str
    first: Arm
    second: Arm
    against_control: bool
    seeds: tuple[int, ...]


@dataclass
class Pairing:
    """What was matched and what was refused; one reason stands once."""

    matched: list[Matched] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def refuse(self, refusals: Iterable[Refusal]) -> None:
        """Add reasons that are not there yet."""
        for one in refusals:
            if one not in self.refusals:
                self.refusals.append(one)


def whole_arms(arms: Sequence[Arm], tasks: Sequence[str], scores: Scored) -> tuple[
    list[Arm], list[Refusal]
]:  # fmt: skip
    """Return the arms whose runs differ in the seed alone, and why others are left out."""
    whole, refusals = [], []
    for arm in arms:
        found = [
            reason
            for seed, run in list(arm.runs.items())[1:]
            for task in tasks
            for reason in _refusals(
                Pair(
                    first=arm.any,
                    second=run,
                    names=(arm.label, f"{arm.label}, seed {seed}"),
                    group=None,
                ),
                task,
                scores,
            )
        ]
        refusals += found
        whole += [] if found else [arm]
    return whole, refusals


def pair_arms(
    pairing: Pairing,
    arms: Sequence[Arm],
    tasks: Sequence[str],
    asked: tuple[str, str],
    scores: Scored,
) -> None:
    """Match every arm with the baseline of its context, and with its controls, or say why not.

    `asked` is the factor and its baseline.
    """
    factor, baseline = asked
    plain = [arm for arm in arms if not arm.control]
    for arm in plain:
        against = [other for other in plain if _is_baseline(other, arm, factor, baseline)]
        if arm.levels.get(factor) == baseline:
            continue
        if not against:
            pairing.refuse(_no_baseline(arm, plain, factor, baseline, tasks))
        for task in tasks:
            for other in against:
                _match(pairing, (arm, other), task, factor, scores)
            for control in controls_of(arm, arms, factor):
                _match(pairing, (arm, control), task, factor, scores)


def arm_pairs(matched: Sequence[Matched], scores: Scored) -> list[ArmPair]:
    """Return the scores of every match that has seeds enough."""
    return [
        ArmPair(
            task=one.task,
            metric=scores.metric,
            factor=one.factor,
            first=one.first,
            second=one.second,
            against_control=one.against_control,
            context=context_of(one.first, one.factor),
            seeds=one.seeds,
            first_SI=_scores_SI(one.first, one, scores),
            second_SI=_scores_SI(one.second, one, scores),
        )
        for one in matched
        if len(one.seeds) >= LEAST_SEEDS
    ]


def _match(pairing: Pairing, arms: tuple[Arm, Arm], task: str, factor: str, scores: Scored) -> None:
    first, second = arms
    seeds = tuple(sorted(first.runs.keys() & second.runs.keys()))
    found = [
        reason
        for seed in seeds
        for reason in _refusals(
            Pair(
                first=first.runs[seed],
                second=second.runs[seed],
                names=(first.label, second.label),
                group="weighting" if second.control else _group(factor),
            ),
            task,
            scores,
        )
    ]
    if not found and len(seeds) < LEAST_SEEDS:
        pairing.refuse([_few_seeds(first, second, seeds)])
    pairing.refuse(found)
    if seeds and not found:
        pairing.matched.append(
            Matched(
                task=task,
                factor=factor,
                first=first,
                second=second,
                against_control=second.control,
                seeds=seeds,
            )
        )


def _refusals(pair: Pair, task: str, scores: Scored) -> Iterator[Refusal]:
    found = refusals_of(pair, task)
    yield from found
    if any(one.kind == "missing" for one in found):
        return
    first, second = scores.of(pair.first, task), scores.of(pair.second, task)
    if first.keys() != second.keys():
        yield missing_items(pair, first, second)


def _is_baseline(other: Arm, arm: Arm, factor: str, baseline: str) -> bool:
    same = context_of(other, factor) == context_of(arm, factor)
    return same and other.levels.get(factor) == baseline


def _no_baseline(
    arm: Arm, arms: Sequence[Arm], factor: str, baseline: str, tasks: Sequence[str]
) -> list[Refusal]:
    """Return what keeps an arm from the nearest arm of the baseline's level."""
    there = [other for other in arms if other.levels.get(factor) == baseline]
    other = min(there, key=lambda one: len(_differing(arm, one, factor)))
    pair = Pair(
        first=arm.any, second=other.any, names=(arm.label, other.label), group=_group(factor)
    )
    differing = _differing(arm, other, factor)
    generic = Refusal(
        first=arm.label,
        second=other.label,
        kind="settings",
        reason=(
            f"no run has {factor}={baseline} and else the levels of {arm.label}: the nearest, "
            f"{other.label}, also differs in {', '.join(differing)}; wanted arms that differ in "
            f"{factor} alone; run {factor}={baseline} with the levels of {arm.label}"
        ),
        listed=tuple(differing),
    )
    return [one for task in tasks for one in refusals_of(pair, task)] or [generic]


def _group(factor: str) -> str:
    """Return the group of a factor such as `weighting.temperature`."""
    return factor.partition(".")[0].partition("@")[0]


def _differing(arm: Arm, other: Arm, factor: str) -> list[str]:
    mine, theirs = context_of(arm, factor), context_of(other, factor)
    return [name for name in dict.fromkeys([*mine, *theirs]) if mine.get(name) != theirs.get(name)]


def _few_seeds(first: Arm, second: Arm, seeds: Sequence[int]) -> Refusal:
    return Refusal(
        first=first.label,
        second=second.label,
        kind="seeds",
        reason=few_seeds_sentence(first.label, second.label, seeds, least=LEAST_SEEDS),
    )


def _scores_SI(arm: Arm, matched: Matched, scores: Scored) -> Array:
    rows = [scores.of(arm.runs[seed], matched.task) for seed in matched.seeds]
    items = sorted(rows[0])
    return np.array([[row[item] for item in items] for row in rows], dtype=np.float64)
