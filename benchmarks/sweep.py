"""Sweeps on two cores: what sharing saves, what kills cost, and whether launchers agree.

- `python -m benchmarks.sweep sharing`: 6 weightings x 3 seeds of the quickstart, with null cells;
  `--experiment quickstart_small --weightings uniform,softmax --seeds 1` is a short run of it
- `python -m benchmarks.sweep kills --kills 20`: quickstart_small, killed at random and resumed
- `python -m benchmarks.sweep launchers`: 2 weightings x 2 seeds by every launcher

Each works in a folder of its own and exits with 1 if what it shows does not hold.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from advdistill.sweep.costs import SweepCost, cost_of
from advdistill.sweep.finished import Finished, Inspector
from advdistill.sweep.ledger import CellState, cell_folder, label_of, read_cell_file, read_sweep
from tests.integration.runs import Call, artefacts, digests, finish, start

Table = Mapping[str, str]
"""By cell: the digest of its student's scores."""


def main() -> int:
    """Run one part; return 0 if it holds."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        return PARTS[options.part](Path(folder) / "outputs", options)


def sharing(outputs: Path, options: argparse.Namespace) -> int:
    """Hold a sweep against as many separate runs: by its stages, and by one run that is timed."""
    command = (f"+experiment={options.experiment}", "runtime.threads=1")
    swept = (f"weighting={options.weightings}", f"seeds={options.seeds}")
    seconds, first = _timed(outputs, "-m", *command, *swept)
    folder = _only_sweep(outputs)
    cost = cost_of(folder)
    again_seconds, again = _timed(outputs, "-m", *command, *swept)
    alone_seconds, _ = _timed(outputs.with_name("alone"), *command)
    cells = len(read_sweep(folder).cells)
    counts = {stage: len(artefacts(outputs, stage)) for stage in ("sample", "judge")}
    print(f"{cells} cells: {counts}; {seconds:.0f} s; again {again_seconds:.0f} s, {again.made}")
    print(_against_separate(cost, seconds, cells, alone_seconds))
    whole = set(_table(folder)) == {label for label, _ in _states(folder)}
    good = first.code == again.code == 0 and whole
    return 0 if good and set(counts.values()) == {1} and not again.made else 1


def _against_separate(cost: SweepCost, seconds: float, cells: int, alone: float) -> str:
    spent = sum(stage.seconds for stage in cost.stages)
    saved = sum(stage.saved_seconds for stage in cost.stages)
    return (
        f"stages took {spent:.0f} s; separate runs would have made {spent + saved:.0f} s of stages "
        f"({(spent + saved) / spent:.2f} times); one separate run took {alone:.0f} s, "
        f"{cells} of them {cells * alone:.0f} s ({cells * alone / seconds:.2f} times the sweep)"
    )


def kills(outputs: Path, options: argparse.Namespace) -> int:
    """Kill a sweep at random moments, resume it, and hold its table against an undisturbed one."""
    command = _small("weighting=uniform,softmax")
    undisturbed = outputs.with_name("undisturbed")
    seconds, whole = _timed(undisturbed, *command)
    assert whole.code == 0, whole.err
    chance = random.Random(options.seed)
    landed, sweeps = 0, 1
    current, same = outputs, True
    while landed < options.kills:
        process = start(current, *command)
        time.sleep(chance.uniform(0, seconds / 2))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            landed += 1
            finish(process)
            print(f"kill {landed}: {_told(current)}", flush=True)
        else:  # all is made: the next kills meet a sweep that begins anew
            same = same and finish(process).code == 0 and _alike(current, undisturbed)
            print(f"sweep {sweeps} at its end; as undisturbed so far: {same}", flush=True)
            sweeps += 1
            current = outputs.with_name(f"outputs-{sweeps}")
    _, last = _timed(current, *command)
    same = same and last.code == 0 and _alike(current, undisturbed)
    print(f"{landed} kills of {sweeps} sweeps: the same tables and artefacts: {same}")
    return 0 if same else 1


def _told(outputs: Path) -> str:
    """Return in words how many cells of the sweep are in which state."""
    files = list(outputs.glob("sweeps/*/*/sweep.json"))
    states = Counter(state.value for _, state in _states(files[0].parent)) if files else {}
    return ", ".join(f"{count} {state}" for state, count in states.items()) or "not laid out"


def _alike(outputs: Path, undisturbed: Path) -> bool:
    """Return whether two sweeps have the same scores and the same bytes in every artefact."""
    tables = [_table(_only_sweep(place)) for place in (outputs, undisturbed)]
    return tables[0] == tables[1] and digests(outputs) == digests(undisturbed)


def launchers(outputs: Path, options: argparse.Namespace) -> int:
    """Run the same cells by every launcher; their scores must be the same files."""
    tables = {}
    for launcher in options.launchers.split(","):
        place = outputs.with_name(launcher)
        seconds, done = _timed(
            place,
            *_small("weighting=uniform,softmax", "seeds=2", "sweep.nulls=false"),
            f"launcher={launcher}",
        )
        assert done.code == 0, f"{launcher}: {done.err}"
        tables[launcher] = _table(_only_sweep(place))
        print(f"{launcher}: {len(tables[launcher])} cells in {seconds:.0f} s", flush=True)
    same = len({tuple(sorted(table.items())) for table in tables.values()}) == 1
    print(f"identical scores: {same}")
    return 0 if same else 1


def _small(*overrides: str) -> Sequence[str]:
    return ("-m", "+experiment=quickstart_small", "runtime.threads=1", *overrides)


def _timed(outputs: Path, *overrides: str) -> tuple[float, Call]:
    begun = time.monotonic()
    process = start(outputs, *overrides)
    out, err = process.communicate()  # for as long as it takes
    return time.monotonic() - begun, Call(code=process.returncode, out=out, err=err)


def _only_sweep(outputs: Path) -> Path:
    [file] = outputs.glob("sweeps/*/*/sweep.json")
    return file.parent


def _states(folder: Path) -> list[tuple[str, CellState]]:
    return [(label_of(cell.levels, cell.seed), cell.state) for cell in read_sweep(folder).cells]


def _table(folder: Path) -> Table:
    """Return the digests of the scores of all finished cells."""
    inspector = Inspector(folder.parents[2])
    table = {}
    for cell in read_sweep(folder).cells:
        found = inspector.look(read_cell_file(cell_folder(folder, cell.id)).key)
        if isinstance(found, Finished):
            table[label_of(cell.levels, cell.seed)] = found.stages["evaluate/student"].digest
    return table


PARTS = {"sharing": sharing, "kills": kills, "launchers": launchers}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep", description="Sweeps.")
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--experiment", default="quickstart")
    parser.add_argument(
        "--weightings", default="uniform,correct_only,softmax,advantage,rank,best_of_n"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--launchers", default="basic,joblib,submitit,ray")
    parser.add_argument("--folder", default=None, help="where the outputs are made")
    return parser


if __name__ == "__main__":
    sys.exit(main())
