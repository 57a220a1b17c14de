"""A maker whose process may die: another one goes on with what is missing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from advdistill.interfaces import Watch
from advdistill.isolation import Death, outlived
from advdistill.making import Maker, Meta

logger = logging.getLogger(__name__)

_DEATHS = 3
"""Enough of them, if none got further than the one before."""


def run_restarting(maker: Maker, draft: Path, watch: Watch) -> Meta:
    """Return what the maker gives back, each time it dies called again with the draft it left.

    Raises:
        StageError: the process died again and again where the one before had died.
    """
    ahead, deaths = _Ahead(watch), 0
    while True:
        reached = ahead.done
        outcome = outlived(maker, draft, ahead)
        if not isinstance(outcome, Death):
            return outcome
        deaths = 1 if ahead.done > reached else deaths + 1
        if deaths == _DEATHS:
            raise outcome.error()
        logger.warning(
            "the process of %s ended with exit code %s; %d of %s steps are done and kept; another "
            "one goes on",
            *(outcome.name, outcome.exitcode, ahead.done, ahead.total or "all"),
        )


@dataclass
class _Ahead:
    """A watch that is told once what a restarted maker tells again."""

    watch: Watch
    done: int = 0
    total: int = 0
    told: set[tuple[int, frozenset[str]]] = field(default_factory=set)
    """The step and the names of the numbers of each report."""

    def report(self, numbers: Mapping[str, float], step: int) -> None:
        """Pass on what is new."""
        name = (step, frozenset(numbers))
        if name not in self.told:
            self.told.add(name)
            self.watch.report(numbers, step)

    def progress(self, done: int, total: int) -> None:
        """Pass on what goes beyond what was done before."""
        if done > self.done:
            self.done, self.total = done, total
            self.watch.progress(done, total)
