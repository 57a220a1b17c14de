"""Which finished runs are the seeds of one arm, and what the arms differ in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advdistill.compare.claims import Refusal
from advdistill.compare.runs import FinishedRun
from advdistill.config import INTERFACES
from advdistill.errors import ConfigError

WEIGHTING, UNIFORM = "weighting", "uniform"
_MIXED = {"Shuffled": "shuffled weights", "MatchedRandom": "random weights of the same sizes"}
"""The controls that mix up the weights of another weighting, as sentences call them."""
_EQUAL_TOKENS = "uniform weights at equal tokens"
SPENT_ALIKE = 0.05
"""Relative difference in response tokens below which two trainings spent the same."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """A finished run and its place among those compared."""

    run: FinishedRun
    levels: Mapping[str, str]
    """By factor, seed aside."""
    control: bool


@dataclass(frozen=True, kw_only=True)
class Arm:
    """The runs that differ in nothing but the seed."""

    label: str
    levels: Mapping[str, str]
    control: bool
    runs: Mapping[int, FinishedRun]
    """By seed."""

    @property
    def any(self) -> FinishedRun:
        """One of its runs, for what all share."""
        return next(iter(self.runs.values()))

    @property
    def mixed(self) -> str | None:
        """How a control that mixes up weights is called; None for any other arm."""
        return _MIXED.get(_class(self.any.config[WEIGHTING]))

    @property
    def called(self) -> str:
        """How a sentence calls it as a control."""
        return self.mixed or (_EQUAL_TOKENS if self.control else self.label)


def members_of(runs: Sequence[FinishedRun]) -> list[Member]:
    """Return the runs with the groups in which they differ as their factors."""
    groups = [group for group in INTERFACES if len(_spelt(runs, group)) > 1]
    return [
        Member(
            run=run,
            levels={group: run.choices[group] for group in groups},
            control=_class(run.config[WEIGHTING]) in _MIXED,
        )
        for run in runs
    ]


def arms_of(members: Sequence[Member]) -> tuple[list[Arm], list[Refusal]]:
    """Return the arms in the order of their first runs, and the cells that are there twice.

    Of two runs of one arm and seed with the same student the first stands for both; with another
    student neither can be told from the other, and both are left out.
    """
    cells: defaultdict[tuple[bool, tuple[tuple[str, str], ...]], defaultdict[int, list[Member]]]
    cells = defaultdict(lambda: defaultdict(list))
    for member in members:
        key = member.control, tuple(sorted(member.levels.items()))
        cells[key][member.run.seed].append(member)
    arms, refusals = [], []
    for (control, _), by_seed in cells.items():
        levels = next(iter(by_seed.values()))[0].levels
        label = label_of(levels)
        twice = {seed: found for seed, found in by_seed.items() if _differ(found)}
        refusals += [_twice(label, seed, found) for seed, found in twice.items()]
        runs = {seed: one[0].run for seed, one in sorted(by_seed.items()) if seed not in twice}
        if runs:
            arms.append(Arm(label=label, levels=levels, control=control, runs=runs))
    return arms, refusals


def label_of(levels: Mapping[str, str]) -> str:
    """Return how people read the levels; the weighting goes by its name alone."""
    first = [levels[WEIGHTING]] if WEIGHTING in levels else []
    others = [f"{name}={level}" for name, level in levels.items() if name != WEIGHTING]
    return ", ".join([*first, *others]) or "all runs"


def question(arms: Sequence[Arm], against: str | None) -> tuple[str | None, str | None]:
    """Return the factor that is asked about and its baseline; None where the arms do not differ.

    The weighting is asked about where it varies, else the first factor that does; its baseline is
    uniform where there is one, else the level of the first arm.

    Raises:
        ConfigError: `against`, LEVEL or FACTOR=LEVEL, names what no arm has.
    """
    plain = [arm for arm in arms if not arm.control]
    levels: dict[str, list[str]] = {}
    for arm in plain:
        for factor, level in arm.levels.items():
            levels.setdefault(factor, [])
            levels[factor] += [level] if level not in levels[factor] else []
    varied = {factor: found for factor, found in levels.items() if len(found) > 1}
    if against is not None:
        return _asked(varied or levels, against)
    if not varied:
        return None, None
    factor = WEIGHTING if WEIGHTING in varied else next(iter(varied))
    return factor, UNIFORM if UNIFORM in varied[factor] else varied[factor][0]


def context_of(arm: Arm, factor: str) -> dict[str, str]:
    """Return the levels of the factors that are not asked about."""
    return {name: level for name, level in arm.levels.items() if name != factor}


def controls_of(arm: Arm, arms: Sequence[Arm], factor: str) -> list[Arm]:
    """Return the null cells that an arm has to beat before its weights can be said to matter.

    Those that mix up its own weights, and those of uniform weights that trained on as many
    response tokens, to within 5 %: a small pool's last prompt is a percent or two.
    """
    return [
        other
        for other in arms
        if other.control
        and context_of(other, factor) == context_of(arm, factor)
        and (_mixes(other, arm) if other.mixed else _equal_tokens(other, arm))
    ]


def plain(node: Any) -> Any:
    """Return settings without the seeds in them."""
    if not isinstance(node, Mapping):
        return node
    return {key: plain(value) for key, value in node.items() if key != "seed"}


def _mixes(control: Arm, arm: Arm) -> bool:
    of = control.any.config[WEIGHTING]["of"]
    return plain(of) == plain(arm.any.config[WEIGHTING])


def _equal_tokens(control: Arm, arm: Arm) -> bool:
    seeds = control.runs.keys() & arm.runs.keys()
    spent = [(control.runs[seed].training, arm.runs[seed].training) for seed in seeds]
    return bool(spent) and all(
        abs(one["tokens"] - other["tokens"]) <= SPENT_ALIKE * other["tokens"]
        for one, other in spent
    )


def _asked(levels: Mapping[str, Sequence[str]], against: str) -> tuple[str, str]:
    found = [
        (factor, level)
        for factor, row in levels.items()
        for level in row
        if against in (level, f"{factor}={level}")
    ]
    if len(found) != 1:
        known = ", ".join(f"{factor}={level}" for factor, row in levels.items() for level in row)
        raise ConfigError(
            f"--against {against}: found {len(found)} levels of this name; wanted one of "
            f"{known or 'these runs, which differ in nothing but the seed'}"
        )
    return found[0]


def _spelt(runs: Sequence[FinishedRun], group: str) -> set[str]:
    return {run.choices[group] for run in runs}


def _differ(members: Sequence[Member]) -> bool:
    return len({member.run.digests["train"] for member in members}) > 1


def _twice(label: str, seed: int, members: Sequence[Member]) -> Refusal:
    folders = tuple(str(member.run.folder) for member in members)
    return Refusal(
        first=label,
        second=label,
        kind="settings",
        reason=(
            f"seed {seed} of {label} is there {len(folders)} times with different students, which "
            "no factor tells apart; wanted one run per arm and seed; leave out all but one"
        ),
        listed=folders,
    )


def _class(node: Mapping[str, Any]) -> str:
    return str(node["_target_"]).rpartition(".")[2]
