"""`advdistill sweep why`: the failed cells of a sweep, and what each attempt at them ended with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from advdistill.cli.showing import printable
from advdistill.cli.sweep_places import chosen, parsed
from advdistill.sweep.attempts import attempts_of, error_of, is_claimed
from advdistill.sweep.ledger import (
    CellState,
    LedgerCell,
    cell_folder,
    label_of,
    read_cell_file,
    read_sweep,
)


def main(arguments: Sequence[str]) -> int:
    """Print why; return 0.

    Raises:
        ConfigError: the arguments do not name one sweep.
        DataError: its folder is damaged.
    """
    description = "Say why cells of a sweep failed, attempt by attempt."
    outputs, rest = parsed("why", description, arguments)
    sweep = read_sweep(chosen("why", outputs, rest))
    failed = [cell for cell in sweep.cells if cell.state is CellState.failed]
    for cell in failed:
        for line in _lines(sweep.folder, cell):
            print(printable(line))
        print()
    print(f"{len(failed)} of {len(sweep.cells)} cells failed")
    if failed:
        print(f"When the cause is gone: advdistill sweep resume {sweep.folder}")
    return 0


def _lines(sweep: Path, cell: LedgerCell) -> Iterator[str]:
    folder = cell_folder(sweep, cell.id)
    yield f"{label_of(cell.levels, cell.seed)}  ({cell.id[:8]})"
    for attempt in attempts_of(folder):
        lived = attempt.ended is None and is_claimed(folder)
        error = "runs" if lived else error_of(attempt) or "came to a good end"
        yield f"  attempt {attempt.number}, {attempt.started[:19]} UTC: {error}"
    yield f"  now: {cell.error}"
    yield f"  alone: python run.py {' '.join(read_cell_file(folder).overrides)}"
