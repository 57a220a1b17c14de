"""One cell from prompts to scores: the stages one below the other, each through the cache."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from advdistill.cache import Artefact, Cache, locked, writing
from advdistill.cells import Record, find_record, marker_file, write_record
from advdistill.config import Plan
from advdistill.costs import kind_of, sizes_of, units_of
from advdistill.gates import check_golds, check_verdicts
from advdistill.hardware import this_hardware
from advdistill.launching import check_processes
from advdistill.making import Meta
from advdistill.steps import Step, walk
from advdistill.timings import Timing, write_timing
from advdistill.watching import Follower, Place

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a finished cell leaves."""

    artefacts: Mapping[str, Artefact]
    """By stage; `evaluate` has one per role, named `evaluate/<role>`, and per held-out set,
    `evaluate/<role>/<set>`."""
    record: Record


def run(plan: Plan) -> Outcome:
    """Return the finished cell; every stage that was done before, by whichever run, is reused.

    Another process that runs the same cell is waited for.

    Raises:
        ConfigError: the training's processes cannot be started; nothing has been done.
        DataError, StageError: what went wrong; everything finished before it is kept.
    """
    check_processes(plan.runtime.processes, plan.runtime.sharding)
    cell = _Cell(plan, Cache(plan.outputs / "cache", cell=plan.key[:32]), Follower(plan))
    try:
        with writing("the run", plan.outputs), locked(marker_file(plan)):
            return cell.run()
    except BaseException:
        cell.follower.abandon()
        raise


class _Cell:
    """The artefacts of one run so far."""

    def __init__(self, plan: Plan, cache: Cache, follower: Follower) -> None:
        self.plan = plan
        self.cache = cache
        self.follower = follower
        self.artefacts: dict[str, Artefact] = {}

    def run(self) -> Outcome:
        walk(self.plan, self.cache.root, self._make)
        return self._finish()

    def _make(self, step: Step) -> Artefact:
        started = time.monotonic()
        place = Place(
            isolate=step.holds_model and self.plan.runtime.isolate,
            resumes=step.resumes,
            processes=step.processes,
        )

        def make(draft: Path) -> Meta:
            self.plan.evaluation.check()
            self.plan.student.check()
            judging = step.beside(step.recipe)
            with (
                self._timed(step, draft),
                judging.beside(draft) if judging else nullcontext(),
            ):
                return self.follower.follow(step.name, step.maker, draft, place=place)

        artefact = self.cache.make(step.recipe, make)
        seconds = time.monotonic() - started
        self.follower.take(step.name, artefact)
        self.artefacts[step.name] = artefact
        done = f"made in {seconds:.1f} s" if artefact.made else "cached"
        logger.info("%-17s %s (%s)", step.name, artefact.meta["line"], done)
        self._check(step, artefact)
        return artefact

    @contextmanager
    def _timed(self, step: Step, draft: Path) -> Iterator[None]:
        """Leave in the draft how long the making took, if no part of it was done before."""
        ahead = self.plan.runtime.judge_ahead and step.stage == "judge"
        ahead = ahead and self.artefacts["sample"].made
        earlier = [] if ahead else [path for path in step.earlier() if path.exists()]
        begun = [*draft.iterdir(), *earlier]
        started = time.monotonic()
        yield
        if not begun and step.stage != "load":  # what is loaded says how large the other steps are
            timing = Timing(
                stage=step.stage,
                kind=kind_of(self.plan, step, ahead=ahead),
                units=units_of(self.plan, step, sizes_of(self.plan, self.artefacts)),
                seconds=time.monotonic() - started,
                hardware=this_hardware(),
            )
            write_timing(draft, timing)

    def _check(self, step: Step, artefact: Artefact) -> None:
        """Stop the run where too much went wrong, also when the artefact was made by another."""
        plan = self.plan
        if step.stage == "check":
            name = step.role or plan.dataset.name
            check_golds(name, artefact, allowed=plan.settings.max_unverified)
        elif step.stage == "judge":
            responses = self.artefacts["sample"]
            check_verdicts(artefact, responses, max_unjudged=plan.settings.max_unjudged)
        elif step.stage == "weigh":
            plan.limits.check(artefact.meta["health"])

    def _finish(self) -> Outcome:
        record = find_record(self.plan, self.artefacts)
        if record is None or not self.follower.recorded(record):
            where = self.follower.finish(self.artefacts)
            group = self.follower.group
            record = write_record(self.plan, self.artefacts, group=group, tracked=where)
        return Outcome(artefacts=self.artefacts, record=record)
