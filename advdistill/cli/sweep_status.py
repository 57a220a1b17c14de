"""`advdistill sweep status`: every sweep in a line, or every cell of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from advdistill.cli.showing import short
from advdistill.cli.sweep_places import chosen, parsed, sweeps_below
from advdistill.sweep.attempts import attempts_of
from advdistill.sweep.ledger import CellState, LedgerCell, Sweep, cell_folder, label_of, read_sweep


def main(arguments: Sequence[str]) -> int:
    """Print the sweeps or the cells; return 0.

    Raises:
        ConfigError: an argument names no sweep.
        DataError: a sweep's folder is damaged.
    """
    description = "List the sweeps, or the cells of one."
    outputs, rest = parsed("status", description, arguments)
    if rest:
        _show(read_sweep(chosen("status", outputs, rest)))
        return 0
    folders = sweeps_below(outputs)
    for folder in folders:
        sweep = read_sweep(folder)
        print(f"{sweep.name}/{sweep.hash}  {counted(sweep)}")
    print(f"{len(folders)} sweeps in {outputs / 'sweeps'}")
    return 0


def counted(sweep: Sweep) -> str:
    """Return how many cells there are, and in which state."""
    counts = Counter(cell.state for cell in sweep.cells)
    shown = [one for one in reversed(CellState) if one in counts or one is not CellState.outdated]
    states = " + ".join(f"{counts[state]} {state}" for state in shown)
    return f"{len(sweep.cells)} cells = {states}"


def _show(sweep: Sweep) -> None:
    for cell in sweep.cells:
        print(_line(sweep.folder, cell))
    print(f"{counted(sweep)}; {sweep.folder}")


def _line(folder: Path, cell: LedgerCell) -> str:
    attempts = attempts_of(cell_folder(folder, cell.id))
    minutes = sum(one.seconds or 0.0 for one in attempts) / 60
    told = f"{len(attempts)} attempts, {minutes:.1f} min" if attempts else "no attempt"
    why = f"  {short(cell.error, 100)}" if cell.error else ""
    null = "  (null cell)" if cell.control else ""
    label = short(label_of(cell.levels, cell.seed), 100)
    return f"{cell.state:<8}  {cell.id[:8]}  {label}{null}  {told}{why}"
