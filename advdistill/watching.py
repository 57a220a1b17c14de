"""Follows the stages at work: keeps their curves, shows their progress, tells the tracker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from advdistill.cache import CURVES, Artefact, read_curves
from advdistill.cells import Record
from advdistill.config import Plan
from advdistill.digests import digest_of_json, settings_of
from advdistill.interfaces import Watch
from advdistill.isolation import run_isolated
from advdistill.making import Maker, Meta
from advdistill.membership import membership_of
from advdistill.progress import Progress, progress_of
from advdistill.ranks import run_ranks
from advdistill.restarting import run_restarting
from advdistill.telling import items_table, levels_of, samples_table, summary_of, tracked_artifacts
from advdistill.tracking import Cell, Tracker


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a maker is called."""

    isolate: bool
    """In a process of its own."""
    resumes: bool = False
    """Whether the maker goes on from what an earlier call left: its own process may die, then."""
    processes: int = 1
    """More are ranks of one training, each a process of its own."""


class Follower:
    """One cell's watcher; the tracker is opened when there is something to tell it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.member = membership_of()
        self.tracker: Tracker | None = None
        self.taken: list[tuple[str, Artefact]] = []

    def follow(self, name: str, maker: Maker, draft: Path, *, place: Place) -> Meta:
        """Return what the maker gives back, its numbers kept and shown while it works."""
        tracker = self._open()
        path = draft / CURVES
        resumed = path.exists()
        earlier = read_curves(path) if resumed else []
        with progress_of(name) as progress, path.open("a") as file:
            if resumed:
                file.write("\n")  # a line that was torn ends here
            watch = _CurveWatch(name, tracker, progress, file, earlier)
            return carry_out(maker, draft, watch, place)

    def take(self, name: str, artefact: Artefact) -> None:
        """Tell the tracker of a finished artefact; one that was cached has its curves replayed."""
        self.taken.append((name, artefact))
        if self.tracker is not None and not artefact.made:
            _replay(self.tracker, name, artefact)

    @property
    def group(self) -> str:
        """What the cell is shown as a part of."""
        return self.member.sweep if self.member else self.plan.settings.name

    def recorded(self, record: Record) -> bool:
        """Return whether this cell was tracked whole before, in the same way.

        It stays in the group that it was first shown in, also where another sweep has it too.
        """
        return self.tracker is None and record.tracking == _tracking(self.plan)

    def finish(self, artefacts: Mapping[str, Artefact]) -> str | None:
        """Write what the tracker is to hold of the whole cell; return where that is."""
        tracker = self._open()
        cell, count = self._cell(), self.plan.tracking.samples
        if count:
            tracker.table("samples", *samples_table(cell, artefacts, count))
            tracker.table("items", *items_table(cell, artefacts, count))
        for artifact in tracked_artifacts(artefacts):
            tracker.artifact(artifact)
        tracker.summary(summary_of(artefacts))
        self.tracker = None
        return tracker.finish(complete=True)

    def abandon(self) -> None:
        """Close the tracker of a cell that did not finish."""
        if self.tracker is not None:
            self.tracker.finish(complete=False)
            self.tracker = None

    def _open(self) -> Tracker:
        if self.tracker is None:
            self.tracker = self.plan.tracking.open(self._cell())
            for name, artefact in self.taken:
                _replay(self.tracker, name, artefact)
        return self.tracker

    def _cell(self) -> Cell:
        plan = self.plan
        swept = self.member.levels if self.member else {}
        levels = levels_of(plan, swept)
        name = " ".join(f"{factor}={levels[factor]}" for factor in [*swept, "seed"])
        return Cell(
            key=plan.key,
            name=name if self.member else plan.settings.name,
            group=self.group,
            levels=levels,
            config=plan.config,
            folder=plan.outputs,
        )


def carry_out(maker: Maker, draft: Path, watch: Watch, place: Place) -> Meta:
    """Return what the maker gives back, called where the place says."""
    if place.processes > 1:
        return run_ranks(maker, draft, watch, processes=place.processes)
    if not place.isolate:
        return maker(draft, watch)
    return (run_restarting if place.resumes else run_isolated)(maker, draft, watch)


@dataclass
class _CurveWatch:
    """Numbers to the file and the tracker, progress to the screen."""

    stage: str
    tracker: Tracker
    progress_shown: Progress
    file: TextIO
    earlier: list[dict[str, float]] = field(default_factory=list)
    """Of a run that was killed; those before the first live step are told to the tracker."""

    def report(self, numbers: Mapping[str, float], step: int) -> None:
        for row in self.earlier:
            if row["step"] < step:
                _tell(self.tracker, self.stage, row)
        self.earlier = []
        self.file.write(json.dumps({"step": step, **numbers}) + "\n")
        self.file.flush()
        self.tracker.log(self.stage, numbers, step)

    def progress(self, done: int, total: int) -> None:
        self.progress_shown.update(done, total)


def _replay(tracker: Tracker, name: str, artefact: Artefact) -> None:
    for row in artefact.curves:
        _tell(tracker, name, row)


def _tell(tracker: Tracker, stage: str, row: Mapping[str, float]) -> None:
    numbers = {name: value for name, value in row.items() if name != "step"}
    tracker.log(stage, numbers, int(row["step"]))


def _tracking(plan: Plan) -> str:
    return digest_of_json(settings_of(plan.tracking))
