"""The steps of every cell: those that are there, and those that must be made, each once.

The key of a step below one that is not there cannot be known, as it is made of its inputs' content.
Such an input is named by the recipe that will make it: two steps of equal settings and equal inputs
are one, as they will be when they are made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from time import monotonic

from advdistill.cache import Artefact, Cache
from advdistill.config import Plan
from advdistill.costs import Sizes, kind_of, sizes_of, units_of
from advdistill.steps import Step, walk

READ = ("load", "decontaminate")
"""Stages that a plan does for itself, in a folder of its own: the prompts tell all sizes."""


class State(StrEnum):
    """What becomes of a step when its cell is run."""

    cached = "cached"
    """It is there."""
    made = "made"
    """Its cell is the first that makes it."""
    shared = "shared"
    """An earlier cell makes it."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A step of one cell."""

    name: str
    stage: str
    key: str
    """The artefact's address; of one below a step that is not there, a stand-in."""
    state: State
    maker: int
    """The number of the first cell that has the step."""
    kind: str
    units: float
    holds_model: bool
    processes: int


@dataclass(frozen=True, kw_only=True)
class PlannedCell:
    """One cell."""

    number: int
    overrides: tuple[str, ...]
    plan: Plan
    sizes: Sizes
    steps: tuple[Planned, ...]
    artefacts: Mapping[str, Artefact]
    """Those that are there, by the step's name."""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """All cells of a sweep, or the one of a run."""

    cells: tuple[PlannedCell, ...]
    read_seconds: Mapping[str, float]
    """By key, how long the plan itself took for a step that it had to do."""

    def to_make(self) -> list[tuple[PlannedCell, Planned]]:
        """Return each step that must be made, once, with the cell that makes it."""
        return [
            (cell, step) for cell in self.cells for step in cell.steps if step.state is State.made
        ]


def look(plans: Sequence[tuple[tuple[str, ...], Plan]], scratch: Path) -> Looked:
    """Return the steps of every cell; nothing is written but below `scratch`.

    Raises:
        DataError: a data set cannot be read.
    """
    looking = _Looking(scratch)
    cells = tuple(
        looking.cell(number, overrides, plan) for number, (overrides, plan) in enumerate(plans, 1)
    )
    return Looked(cells=cells, read_seconds=looking.seconds)


@dataclass
class _Looking:
    """What was found for the cells before."""

    scratch: Path
    found: dict[tuple[Path, str], Artefact | None] = field(default_factory=dict)
    first: dict[tuple[Path, str], int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def cell(self, number: int, overrides: tuple[str, ...], plan: Plan) -> PlannedCell:
        cache = Cache(plan.outputs / "cache")
        steps: list[tuple[Step, State, int]] = []
        artefacts: dict[str, Artefact] = {}

        def take(step: Step) -> Artefact:
            there = self._found(cache, step)
            place = (cache.root, step.recipe.key)
            first = self.first.setdefault(place, number)
            state = State.made if first == number else State.shared
            steps.append((step, state if there is None else State.cached, first))
            artefact = there or self._missing(step)
            if there is not None or step.stage in READ:
                artefacts[step.name] = artefact
            return artefact

        walk(plan, cache.root, take)
        sizes = sizes_of(plan, artefacts)
        return PlannedCell(
            number=number,
            overrides=overrides,
            plan=plan,
            sizes=sizes,
            steps=tuple(self._planned(plan, sizes, *one, "sample" in artefacts) for one in steps),
            artefacts=artefacts,
        )

    def _found(self, cache: Cache, step: Step) -> Artefact | None:
        place = (cache.root, step.recipe.key)
        if place not in self.found:
            self.found[place] = cache.look(step.recipe)
        return self.found[place]

    def _missing(self, step: Step) -> Artefact:
        if step.stage in READ:
            return self._read(step)
        return Artefact(
            folder=self.scratch / "unmade" / step.recipe.key,
            recipe=step.recipe,
            digest=f"unmade {step.recipe.key}",
            files={},
            meta={},
            made=False,
        )

    def _read(self, step: Step) -> Artefact:
        started = monotonic()
        read = Cache(self.scratch).make(step.recipe, lambda draft: step.maker(draft, Silent()))
        self.seconds.setdefault(step.recipe.key, monotonic() - started)
        return read

    def _planned(
        self, plan: Plan, sizes: Sizes, step: Step, state: State, maker: int, pool: bool
    ) -> Planned:
        ahead = plan.runtime.judge_ahead and not pool
        return Planned(
            name=step.name,
            stage=step.stage,
            key=step.recipe.key,
            state=state,
            maker=maker,
            kind=kind_of(plan, step, ahead=ahead),
            units=units_of(plan, step, sizes),
            holds_model=step.holds_model,
            processes=step.processes,
        )


class Silent:
    """Watches a stage and tells nobody."""

    def report(self, numbers: Mapping[str, float], step: int) -> None:
        """Do nothing."""

    def progress(self, done: int, total: int) -> None:
        """Do nothing."""
