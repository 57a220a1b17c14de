"""A cell on a few prompts, in a folder of its own, to see how long each kind of step takes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from advdistill.cache import Artefact, Cache
from advdistill.costs import kind_of, sizes_of, units_of
from advdistill.hardware import Hardware
from advdistill.interfaces import Dataset
from advdistill.planning.looking import READ, Looked, PlannedCell, Silent
from advdistill.records import Prompt, Split
from advdistill.steps import Step, walk
from advdistill.timings import Timing
from advdistill.watching import Place, carry_out

logger = logging.getLogger(__name__)

SLICES = (4, 16)
"""Prompts of each split; two sizes tell the start of a stage from its pace."""
WARMING = 2
"""Prompts of a first slice that is not counted: it pays for what a process imports once."""
PATIENCE_SECONDS = 120.0
"""No further slice is begun that would end later, as far as the last one tells."""


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The first prompts of each split of a data set."""

    dataset: Dataset
    prompts: int

    @property
    def name(self) -> str:
        """As that of the whole."""
        return self.dataset.name

    def load(self) -> Iterator[Prompt]:
        """Yield them in their order."""
        seen: Counter[Split] = Counter()
        for prompt in self.dataset.load():
            seen[prompt.split] += 1
            if seen[prompt.split] <= self.prompts:
                yield prompt

    def sources(self) -> Sequence[Path]:
        """Return those of the whole."""
        return self.dataset.sources()


def probe(
    looked: Looked, known: frozenset[str], scratch: Path, hardware: Hardware
) -> Iterator[Timing]:
    """Yield timings of every kind that must be made and is not known.

    A teacher is asked for the answers to a few prompts, even where its pool is there.

    Raises:
        DataError, StageError: a stage fails on the slice, as it would in the run.
    """
    seen = set(known)
    for cell, step in looked.to_make():
        if step.kind in seen or step.stage in READ:
            continue
        for timing in _slices(cell, scratch / str(cell.number), hardware):
            seen.add(timing.kind)
            yield timing


def _slices(cell: PlannedCell, scratch: Path, hardware: Hardware) -> Iterator[Timing]:
    warming = () if cell.plan.runtime.isolate else (WARMING,)
    left, last = PATIENCE_SECONDS, 0.0
    for prompts in (*warming, *SLICES):
        if last * prompts / min(SLICES) > left:
            logger.info("probe: no slice of %d prompts, which would take too long", prompts)
            return
        started = monotonic()
        logger.info("probe: %d prompts through every stage", prompts)
        timings = _timings(cell, prompts, scratch / str(prompts), hardware)
        last = monotonic() - started
        left -= last
        if prompts != WARMING:
            yield from timings


def _timings(cell: PlannedCell, prompts: int, scratch: Path, hardware: Hardware) -> list[Timing]:
    whole = cell.plan
    plan = replace(
        whole,
        dataset=Slice(dataset=whole.dataset, prompts=prompts),
        held_out={
            name: Slice(dataset=dataset, prompts=prompts)
            for name, dataset in whole.held_out.items()
        },
        outputs=scratch,
        runtime=replace(whole.runtime, judge_ahead=False),
    )
    cache = Cache(scratch / "cache")
    artefacts: dict[str, Artefact] = {}
    timings: list[Timing] = []

    def take(step: Step) -> Artefact:
        place = Place(
            isolate=step.holds_model and plan.runtime.isolate,
            resumes=False,
            processes=step.processes,
        )
        started = monotonic()
        artefact = cache.make(
            step.recipe, lambda draft: carry_out(step.maker, draft, Silent(), place)
        )
        seconds = monotonic() - started
        artefacts[step.name] = artefact
        if step.stage not in READ and artefact.made:
            units = units_of(plan, step, sizes_of(plan, artefacts))
            timings.extend(
                Timing(stage=step.stage, kind=kind, units=units, seconds=seconds, hardware=hardware)
                for kind in {kind_of(whole, step, ahead=ahead) for ahead in (False, True)}
            )
        return artefact

    whole.evaluation.check()
    whole.student.check()
    walk(plan, cache.root, take)
    return timings
