"""Kills a run at moments spread over its length and its stages; looks at what a second call makes.

`python -m benchmarks.crash --kills 20`. Every other kill comes at an even share of the run's time,
the ones between in each stage in turn. Every kill has an outputs folder of its own. A run counts
as equal if every artefact has the digest, and every curve and score the numbers, of a run that was
never disturbed; no file of a finished shard, checkpointed step or artefact may be made twice, and
no process of the killed group may be left. Exit code 1 if any of this fails.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from advdistill.cache import CURVES, read_curves
from tests.integration.runs import (
    SMALL,
    STAGES,
    artefacts,
    digests,
    finish,
    folder_of,
    seconds_until_gone,
    start,
    succeed,
)

Stamp = tuple[int, int]
"""Inode and time of a file: a file made again has another."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What lay finished in an outputs folder at the moment of a kill."""

    in_flight: str
    shards: dict[str, Stamp]
    artefacts: dict[str, Stamp]
    step: int
    """The last checkpointed step of the training."""


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One kill and what became of it."""

    seconds: float
    landed: bool
    """False if the run had ended before."""
    kept: Kept
    resumed_seconds: float
    faults: list[str]
    """What differs from the undisturbed run; empty if nothing does."""

    @property
    def in_flight(self) -> str:
        """The stage that was at work."""
        return self.kept.in_flight if self.landed else "had ended"

    def cells(self) -> tuple[object, ...]:
        """Return the line of the table."""
        return (
            f"{self.seconds:.2f} s",
            self.in_flight,
            len(self.kept.shards),
            len(self.kept.artefacts),
            self.kept.step or "",
            f"{self.resumed_seconds:.1f} s",
            "no" if self.faults else "yes",
        )


def kill_and_resume(
    reference: Path, outputs: Path, moment: Callable[[subprocess.Popen[str]], object]
) -> Kill:
    """Start the run, kill its process group when `moment` returns, give the command again."""
    begun = time.monotonic()
    process = start(outputs, *SMALL)
    moment(process)
    landed = process.poll() is None
    if landed:
        os.killpg(process.pid, signal.SIGKILL)
    seconds = time.monotonic() - begun
    finish(process)
    left = seconds_until_gone(process.pid, patience=10) is None
    kept = kept_in(outputs, reference)
    begun = time.monotonic()
    succeed(outputs)
    return Kill(
        seconds=seconds,
        landed=landed,
        kept=kept,
        resumed_seconds=time.monotonic() - begun,
        faults=["a process is left"] * left + faults_of(reference, outputs, kept),
    )


def kept_in(outputs: Path, reference: Path) -> Kept:
    """Return what lies finished below the outputs folder."""
    cache = outputs / "cache"
    steps = cache.glob("train/*.draft/checkpoints/step*/manifest.json")
    return Kept(
        in_flight=_in_flight(cache, reference),
        shards=_stamps(outputs.glob("pool/*/*.parquet"), lambda path: path.name),
        artefacts=_stamps(
            (folder / "manifest.json" for folder in artefacts(outputs, "*")), _address
        ),
        step=max((int(path.parent.name.removeprefix("step")) for path in steps), default=0),
    )


def faults_of(reference: Path, outputs: Path, kept: Kept) -> list[str]:
    """Return in what the finished outputs differ from the reference, and what was made twice."""
    faults: list[str] = []
    wanted, found = digests(reference), digests(outputs)
    faults += [f"{key}: another digest" for key in wanted if found.get(key) != wanted[key]]
    faults += [f"{key}: not wanted" for key in found.keys() - wanted.keys()]
    for name in STAGES:
        curves = [read_curves(folder_of(each, name) / CURVES) for each in (reference, outputs)]
        if curves[0] != curves[1]:
            faults.append(f"{name}: other curves")
    if _scores(reference) != _scores(outputs):
        faults.append("other scores")
    now = kept_in(outputs, reference)
    for kind, before, after in (
        ("shard", kept.shards, now.shards),
        ("artefact", kept.artefacts, now.artefacts),
    ):
        faults += [f"{kind} {key} made twice" for key in before if after.get(key) != before[key]]
    faults += [f"step {step} done twice" for step in _steps_redone(outputs, kept.step)]
    unfinished = [
        path
        for pattern in ("cache/*/*.draft", "cache/*/*/**/*.tmp", "pool/*/*.draft")
        for path in outputs.glob(pattern)
    ]
    return [*faults, *(f"{path.name} is left" for path in unfinished)]


def _in_flight(cache: Path, reference: Path) -> str:
    names = {_address(folder_of(reference, name) / "_"): name for name in STAGES}
    drafts = [_address(path / "_").removesuffix(".draft") for path in cache.glob("*/*.draft")]
    if drafts:
        return names[drafts[0]]
    done = {names[_address(path)] for path in cache.glob("*/*/manifest.json")}
    left = [name for name in STAGES if name not in done]
    return f"before {left[0]}" if left else "end"


def _stamps(paths, name: Callable[[Path], str]) -> dict[str, Stamp]:
    return {name(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in sorted(paths)}


def _address(path: Path) -> str:
    """Return `stage/key` of a file that stands directly in an artefact."""
    return "/".join(path.parts[-3:-1])


def _scores(outputs: Path) -> object:
    record = json.loads(max(outputs.glob("runs/*/*/record.json")).read_text())
    return record["scores"], record["against_base"], record["digests"]


def _steps_redone(outputs: Path, checkpointed: int) -> list[int]:
    lines = (folder_of(outputs, "train") / CURVES).read_text().splitlines()
    rows = [json.loads(line) for line in lines if line.endswith("}") and line.startswith("{")]
    updates = Counter(row["step"] for row in rows if "learning_rate" in row)
    return [step for step, times in updates.items() if times > 1 and step <= checkpointed]


def _let_work(seconds: float, process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def _let_start(artefact: Path, seconds: float, process: subprocess.Popen[str]) -> None:
    draft = artefact.with_name(f"{artefact.name}.draft")
    while process.poll() is None and not (draft.exists() or artefact.exists()):
        time.sleep(0.001)
    _let_work(seconds, process)


def _row(*cells: object) -> None:
    print("".join(str(cell).ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)))


_WIDTHS = (9, 22, 8, 11, 7, 12, 6)


def main() -> int:
    """Print one line per kill; return 1 if any differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the jitter of the moments")
    given = parser.parse_args()
    jitter = random.Random(given.seed)
    kills: list[Kill] = []
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "undisturbed" / "outputs"
        reference.parent.mkdir()
        begun = time.monotonic()
        undisturbed = succeed(reference)
        length = time.monotonic() - begun
        print(f"undisturbed run: {length:.1f} s, {len(digests(reference))} artefacts\n")
        _row("kill at", "in flight", "shards", "artefacts", "step", "resumed in", "equal")
        for number in range(3 * given.kills):
            if sum(kill.landed for kill in kills) == given.kills:
                break
            outputs = Path(folder) / f"kill_{number}" / "outputs"
            outputs.parent.mkdir()
            moment = partial(
                _let_work, (number % given.kills + jitter.random()) / given.kills * length
            )
            if number % 2:
                stage = STAGES[number // 2 % len(STAGES)]
                artefact = outputs / folder_of(reference, stage).relative_to(reference)
                share = jitter.random() * undisturbed.seconds[stage]
                moment = partial(_let_start, artefact, share)
            kill = kill_and_resume(reference, outputs, moment)
            _row(*kill.cells())
            for fault in kill.faults:
                print(f"  {fault}")
            kills.append(kill)
    bad = sum(bool(kill.faults) for kill in kills)
    stages = Counter(kill.in_flight for kill in kills)
    landed = sum(kill.landed for kill in kills)
    print(f"\n{len(kills) - bad} of {len(kills)} runs end as if undisturbed; {landed} were killed")
    print("in flight: " + ", ".join(f"{count} {stage}" for stage, count in stages.items()))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
