"""Whether two runs may be compared, and if not, why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from advdistill.compare.arms import SPENT_ALIKE, plain
from advdistill.compare.claims import Refusal
from advdistill.compare.runs import FinishedRun

_STUDENT = "student"
_SHARED = ("answer_format", "verifier", "sampling", "teacher", "weighting", "objective", _STUDENT)
"""Groups that two arms share unless one of them is what is asked about."""
_LEARNING = ("weigh", "tokenise", "refer", "train")
"""Stages between the pool and the student, which an earlier version may have made otherwise."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two runs, how a refusal calls them, and the group in which they are meant to differ."""

    first: FinishedRun
    second: FinishedRun
    names: tuple[str, str]
    group: str | None


def refusals_of(pair: Pair, task: str) -> list[Refusal]:
    """Return every reason not to compare the two on a task; none if they may be."""
    missing = [
        (name, run)
        for name, run in zip(pair.names, (pair.first, pair.second), strict=True)
        if task not in run.tasks or _STUDENT not in run.roles(task)
    ]
    if missing:
        return [_unscored(pair, task, name, run) for name, run in missing]
    return [*_measured(pair, task), *_trained(pair)]


def missing_items(pair: Pair, first: Mapping[str, float], second: Mapping[str, float]) -> Refusal:
    """Return the refusal of two runs whose items are not the same."""
    listed = (
        *(f"{item}: only {pair.names[0]}" for item in sorted(first.keys() - second.keys())),
        *(f"{item}: only {pair.names[1]}" for item in sorted(second.keys() - first.keys())),
    )
    return _refusal(
        pair,
        "items",
        f"{len(listed)} items were answered in one of the two alone (first: {listed[0]}); wanted "
        "the same items in both, so that differences are paired; evaluate both anew",
        listed,
    )


def _measured(pair: Pair, task: str) -> Iterator[Refusal]:
    """Yield what differs in how the two were measured."""
    digests = [run.test_digest(task) for run in (pair.first, pair.second)]
    if digests[0] != digests[1]:
        yield _refusal(
            pair,
            "test set",
            f"the test problems of '{task}' are of another version (digests {digests[0][:12]} and "
            f"{digests[1][:12]}); wanted the same problems; evaluate both on one version",
        )
    stages = [run.evaluation(task, _STUDENT) for run in (pair.first, pair.second)]
    differing = _differing(*(flat(stage.settings) for stage in stages))
    if stages[0].version != stages[1].version:
        differing.append(f"stage version: {stages[0].version} and {stages[1].version}")
    if differing:
        backend = any(one.startswith("evaluation.backend:") for one in differing)
        yield _refusal(
            pair,
            "backend" if backend else "settings",
            f"they were evaluated in different ways ({'; '.join(differing)}); wanted equal "
            "settings, since a difference could be theirs; evaluate both alike",
            tuple(differing),
        )


def _trained(pair: Pair) -> Iterator[Refusal]:
    """Yield what differs in what the two learnt from, beside what is asked about."""
    first, second = pair.first, pair.second
    pools = [name for name in ("sample", "judge") if first.digests[name] != second.digests[name]]
    if pools:
        what = {"sample": "the answers", "judge": "the verdicts"}[pools[0]]
        yield _refusal(
            pair,
            "pool",
            f"they learnt from different pools: {what} have digests "
            f"{first.digests[pools[0]][:12]} and {second.digests[pools[0]][:12]}; wanted one pool "
            "for both, since a difference could be that of the pools; sweep on one pool",
        )
    shared = [group for group in _SHARED if group != pair.group]
    nodes = [{group: plain(run.config[group]) for group in shared} for run in (first, second)]
    differing = _differing(*(flat(node) for node in nodes))
    for name in _LEARNING:
        if name in first.stages and name in second.stages:
            versions = first.stages[name].version, second.stages[name].version
            if versions[0] != versions[1]:
                differing.append(f"version of stage '{name}': {versions[0]} and {versions[1]}")
    if first.stages["train"].inputs["prompts"] != second.stages["train"].inputs["prompts"]:
        differing.append("the training or dev problems")
    if differing:
        yield _refusal(
            pair,
            "settings",
            f"they differ in more than {pair.group or 'the seed'} ({'; '.join(differing)}); wanted "
            "one difference, so that it can be named; compare arms that share the rest",
            tuple(differing),
        )
    if pair.group != "budget":
        yield from _budgets(pair)


def _budgets(pair: Pair) -> Iterator[Refusal]:
    first, second = pair.first, pair.second
    spent = [float(run.training["tokens"]) for run in (first, second)]
    alike = abs(spent[0] - spent[1]) <= SPENT_ALIKE * max(spent)
    differing = _differing(*(flat({"budget": run.config["budget"]}) for run in (first, second)))
    if differing and not alike:
        yield _refusal(
            pair,
            "budget",
            f"they were given different budgets ({'; '.join(differing)}) and trained on "
            f"{spent[0]:.0f} and {spent[1]:.0f} response tokens; wanted one budget, or as many "
            "tokens to within 5 %; give both the same budget",
            tuple(differing),
        )


def flat(node: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return nested settings by dotted name."""
    found: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{before}{key}.")
        else:
            found[f"{before}{key}"] = value
    return found


def _differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Return each setting that differs, with both values."""
    names = dict.fromkeys([*first, *second])
    return [
        f"{name}: {first.get(name, 'none')} and {second.get(name, 'none')}"
        for name in names
        if first.get(name) != second.get(name)
    ]


def _unscored(pair: Pair, task: str, name: str, run: FinishedRun) -> Refusal:
    return _refusal(
        pair,
        "missing",
        f"the student of {name} was not scored on '{task}' ({run.folder} has "
        f"{', '.join(run.tasks) or 'no score'}); wanted both scored on it; evaluate it there too",
    )


def _refusal(pair: Pair, kind: str, reason: str, listed: tuple[str, ...] = ()) -> Refusal:
    return Refusal(
        first=pair.names[0], second=pair.names[1], kind=kind, reason=reason, listed=listed
    )
