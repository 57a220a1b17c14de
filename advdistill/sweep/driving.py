"""Drives a sweep: a smoke cell, the cells that make a pool, the grid, what waits for others."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill.errors import StageError
from advdistill.sweep.finished import Finished, Inspector
from advdistill.sweep.layout import Planner, resolved
from advdistill.sweep.ledger import (
    CellFile,
    cell_folder,
    outputs_of,
    write_cell_file,
)
from advdistill.sweep.running import End, is_finished
from advdistill.sweeping import SweepSettings

logger = logging.getLogger(__name__)

_STEP_SECONDS = 1.0
"""Between two looks at cells that other processes run."""

Launch = Callable[[Sequence[CellFile]], Sequence[End]]
"""Runs cells, at the same time or one after the other, and returns what became of each."""


@dataclass(frozen=True, kw_only=True)
class Driver:
    """A sweep whose folder is written."""

    folder: Path
    settings: SweepSettings
    launch: Launch
    plan_for: Planner

    def drive(self, cells: Sequence[CellFile]) -> None:
        """Run every cell that is not finished; what other processes run is waited for.

        Raises:
            StageError: cells failed, or the first did and the others were not begun.
        """
        inspector = Inspector(outputs_of(self.folder))
        open_ = [cell for cell in cells if not is_finished(cell, inspector)]
        logger.info("sweep     %d cells = %d done + %d to run", *_counts(cells, open_))
        failed: list[CellFile] = []
        for wave, is_smoke in self._waves(open_):
            failed += self._run(wave)
            if failed and (is_smoke or not self.settings.keep_going):
                raise StageError(self._told(failed, cells, is_smoke=is_smoke))
        failed += self._run_waiting([cell for cell in open_ if cell.equal_to is not None])
        if failed:
            raise StageError(self._told(failed, cells, is_smoke=False))
        logger.info("sweep     %d cells done; %s", len(cells), self.folder)

    def _waves(self, cells: Sequence[CellFile]) -> Iterator[tuple[Sequence[CellFile], bool]]:
        """Yield the cells that may run at the same time, and whether they are the smoke test."""
        ready = [cell for cell in cells if cell.equal_to is None]
        smoke = ready[:1] if self.settings.smoke else []
        yield smoke, True
        seen = {cell.pool for cell in smoke}
        rest = ready[len(smoke) :]
        by_pool = {cell.pool: cell for cell in reversed(rest) if cell.pool not in seen}
        firsts = [cell for cell in rest if cell in by_pool.values()]
        yield firsts, False
        yield [cell for cell in rest if cell not in firsts], False

    def _run(self, cells: Sequence[CellFile]) -> list[CellFile]:
        """Return the cells that failed once none of these is open or run by another process."""
        failed: list[CellFile] = []
        left = list(cells)
        while left:
            ends = dict(zip((cell.id for cell in left), self.launch(left), strict=True))
            failed += [cell for cell in left if ends[cell.id] is End.failed]
            busy = [cell for cell in left if ends[cell.id] is End.busy]
            if len(busy) == len(left):
                time.sleep(_STEP_SECONDS)
            left = busy
        return failed

    def _run_waiting(self, cells: Sequence[CellFile]) -> list[CellFile]:
        """Run the cells that must know of another's tokens; return those that failed."""
        inspector = Inspector(outputs_of(self.folder))
        known = [settled(cell, inspector, self.plan_for) for cell in cells]
        for cell in known:
            write_cell_file(cell_folder(self.folder, cell.id), cell)
        ready = [cell for cell in known if cell.key is not None]
        return self._run([cell for cell in ready if not is_finished(cell, inspector)])

    def _told(
        self, failed: Sequence[CellFile], cells: Sequence[CellFile], *, is_smoke: bool
    ) -> str:
        first = f"{len(failed)} of {len(cells)} cells failed ({failed[0].label})"
        others = "; the first one failed, so that the others were not begun" if is_smoke else ""
        return (
            f"sweep: {first}{others}; wanted all done; see `advdistill sweep why {self.folder}`, "
            "then give the same command again: it runs what is missing"
        )


def settled(cell: CellFile, inspector: Inspector, plan_for: Planner) -> CellFile:
    """Return a cell with its configuration, if that waits for a cell that is finished by now.

    Raises:
        ConfigError: what the other one's tokens make of it cannot work.
    """
    if cell.equal_to is None:
        return cell
    of = inspector.look(cell.equal_to)
    if not isinstance(of, Finished) or of.outdated is not None:
        return cell
    return resolved(cell, of, plan_for)


def _counts(cells: Sequence[CellFile], left: Sequence[CellFile]) -> tuple[int, int, int]:
    return len(cells), len(cells) - len(left), len(left)
