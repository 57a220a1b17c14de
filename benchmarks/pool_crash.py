"""Kills whoever fills a pool of answers at random moments; looks at what the pool holds in the end.

`python -m benchmarks.pool_crash --transformers 80 --isolated 10 --vllm 10 --ray 10`. The arm
`transformers` kills the whole run, and the same command is given again; `isolated` and `vllm` kill
the process of the engine and `ray` a worker, and the run itself goes on. One kill in four comes at
any time of the run, one between the writing of a shard and the name that registers it (on Ray, as
the others), and two after the first shard was registered. Every kill has a folder of its own; one
that comes after the end of its run is not counted, and its pool looked at all the same.

Then every answer is there exactly once, no more than one shard was generated twice, no process is
left, and the pool has the bytes of an undisturbed one; with vLLM, whose numbers depend on the
batch, 99 % of its texts. Exit code 1 if any of this fails.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from advdistill.making import read_shards
from advdistill.pool.shards import read_shard, shards_of
from advdistill.records import Response
from benchmarks.ledger import read_ledger
from benchmarks.pool_crash_run import ARMS

ROOT = Path(__file__).resolve().parents[1]
_RUN = "benchmarks.pool_crash_run"
_MARK = "ADVDISTILL_POOL_CRASH"
"""The environment variable by which the processes of one run are known."""
_EQUAL_TEXTS = {"vllm": 0.99}
"""The least share of texts that are those of an undisturbed run; elsewhere all bytes are."""
_PATIENCE_SECONDS = 900
_LOOK_SECONDS = 0.02
_CLOSE_LOOK_SECONDS = 0.0005
"""Between two looks for a moment that passes quickly."""


@dataclass(frozen=True, kw_only=True)
class Filling:
    """A run that fills a pool, and may be started several times."""

    arm: str
    folder: Path
    mark: str

    @contextmanager
    def started(self) -> Iterator[subprocess.Popen[bytes]]:
        """Start it in a session of its own; it is over when the block is."""
        with (self.folder / "told").open("a") as told:
            process = subprocess.Popen(
                [sys.executable, "-m", _RUN, f"--folder={self.folder}", f"--arm={self.arm}"],
                cwd=ROOT,
                env={
                    **os.environ,
                    _MARK: self.mark,
                    "PYTHONPATH": str(ROOT),
                    "OMP_NUM_THREADS": "1",
                },
                stdout=told,
                stderr=told,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def finish(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for a good end."""
        if process.wait(_PATIENCE_SECONDS):
            told = (self.folder / "told").read_text()
            raise RuntimeError(f"the run ended with exit code {process.returncode}: {told}")

    def registered(self) -> list[Path]:
        """Return the shards of its store."""
        return [path for store in self.folder.glob("pool/*") for path in shards_of(store)]

    def drafts(self) -> list[Path]:
        """Return the shards that are written and have no name yet."""
        return list(self.folder.glob("pool/*/shard.draft"))

    def victim(self, process: subprocess.Popen[bytes]) -> int | None:
        """Return the process to be killed, None where there is none yet."""
        if self.arm == "transformers":
            return process.pid
        pids = [line.pid for line in read_ledger(self.folder / "ledger.jsonl")]
        return next(filter(psutil.pid_exists, reversed(pids)), None)

    def processes(self) -> list[psutil.Process]:
        """Return every process that it started and that still lives."""
        return [process for process in psutil.process_iter() if _marked(process, self.mark)]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a run leaves that nobody disturbed."""

    filling: Filling
    seconds: float
    seconds_filling: float
    """Of them, those after the first shard was registered."""


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One kill and what became of it."""

    moment: str
    seconds: float
    landed: bool
    """False if there was nothing left to kill."""
    unnamed: bool
    """Whether a shard was written and had no name yet."""
    registered: int
    """Shards that had one."""
    faults: list[str]

    def cells(self) -> tuple[object, ...]:
        """Return the line of the table."""
        landed = self.registered if self.landed else "had ended"
        torn = "yes" if self.unnamed else ""
        return (self.moment, f"{self.seconds:.2f} s", landed, torn, "no" if self.faults else "yes")


Moment = Callable[[Filling, subprocess.Popen[bytes]], int | None]
"""Waits for when to kill, and returns whom; None where the run is over before."""


def undisturbed(arm: str, folder: Path) -> Reference:
    """Return a run that was let alone."""
    filling = _filling(arm, folder)
    begun = time.monotonic()
    with filling.started() as process:
        _await(process, filling.registered)
        first = time.monotonic()
        filling.finish(process)
    ended = time.monotonic()
    return Reference(filling=filling, seconds=ended - begun, seconds_filling=ended - first)


def kill_and_finish(reference: Reference, folder: Path, name: str, moment: Moment) -> Kill:
    """Kill a run when the moment has come; let it, or the same command, fill the pool."""
    filling = _filling(reference.filling.arm, folder)
    begun = time.monotonic()
    with filling.started() as process:
        victim = moment(filling, process)
        if victim is not None:
            os.kill(victim, signal.SIGKILL)
        seconds = time.monotonic() - begun
        unnamed, registered = bool(filling.drafts()), len(filling.registered())
        if filling.arm == "transformers":
            process.wait()
            left = _left(filling)
            with filling.started() as again:
                filling.finish(again)
        else:
            filling.finish(process)
            left = []
    return Kill(
        moment=name,
        seconds=seconds,
        landed=victim is not None,
        unnamed=unnamed,
        registered=registered,
        faults=[*left, *_left(filling), *_faults(reference.filling, filling)],
    )


def at_any_time(seconds: float) -> Moment:
    """Return the moment so long after the start, once there is somebody to kill."""

    def moment(filling: Filling, process: subprocess.Popen[bytes]) -> int | None:
        begun = time.monotonic()
        _await(process, lambda: filling.victim(process))
        _await(process, lambda: time.monotonic() - begun >= seconds)
        return _alive(filling, process)

    return moment


def after_the_first_shard(seconds: float) -> Moment:
    """Return the moment so long after the first shard was registered."""

    def moment(filling: Filling, process: subprocess.Popen[bytes]) -> int | None:
        _await(process, filling.registered)
        begun = time.monotonic()
        _await(process, lambda: time.monotonic() - begun >= seconds)
        return _alive(filling, process)

    return moment


def before_it_has_a_name(shards: int) -> Moment:
    """Return a moment, after so many shards, at which one is written and not registered.

    Whoever writes is stopped when such a shard is seen, and goes on if it had its name by then.
    """

    def moment(filling: Filling, process: subprocess.Popen[bytes]) -> int | None:
        _await(process, lambda: len(filling.registered()) >= shards)
        while _await(process, filling.drafts, _CLOSE_LOOK_SECONDS):
            writer = filling.victim(process)
            assert writer is not None, "somebody has written the shard"
            os.kill(writer, signal.SIGSTOP)
            if filling.drafts():
                return writer
            os.kill(writer, signal.SIGCONT)
        return None

    return moment


def _filling(arm: str, folder: Path) -> Filling:
    folder.mkdir(parents=True)
    return Filling(arm=arm, folder=folder, mark=uuid.uuid4().hex)


def _await(
    process: subprocess.Popen[bytes],
    there: Callable[[], object],
    step_seconds: float = _LOOK_SECONDS,
) -> bool:
    """Wait for what is looked for; False if the run is over before."""
    while not there():
        if process.poll() is not None:
            return False
        time.sleep(step_seconds)
    return True


def _alive(filling: Filling, process: subprocess.Popen[bytes]) -> int | None:
    return filling.victim(process) if process.poll() is None else None


def _marked(process: psutil.Process, mark: str) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(_MARK) == mark
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _left(filling: Filling) -> list[str]:
    """Return which processes are left when those that are about to end have had their time."""
    until = time.monotonic() + 10
    while (left := filling.processes()) and time.monotonic() < until:
        time.sleep(0.1)
    return [f"process {process.pid} is left" for process in left]


def _faults(wanted: Filling, found: Filling) -> list[str]:
    faults: list[str] = []
    keys = Counter(_keys(found))
    faults += [f"answer {key} is there {count} times" for key, count in keys.items() if count > 1]
    if keys.keys() != set(_keys(wanted)):
        faults.append("other answers are there")
    lines = read_ledger(found.folder / "ledger.jsonl")
    generated = Counter(line.shard for line in lines if line.shard is not None)
    again = sum(count - 1 for count in generated.values())
    if again > 1:
        faults.append(f"{again} shards were generated again")
    if found.arm in _EQUAL_TEXTS:
        share = _equal_texts(wanted, found)
        if share < _EQUAL_TEXTS[found.arm]:
            faults.append(f"{share:.1%} of the texts are equal")
    elif _digest(wanted) != _digest(found) or _names(wanted) != _names(found):
        faults.append("other bytes")
    unfinished = [*found.folder.glob("pool/*/*.draft*"), *found.folder.glob("cache/*/*.draft")]
    return [*faults, *(f"{path.name} is left" for path in unfinished)]


def _keys(filling: Filling) -> list[tuple[str, int]]:
    return [(row.key, row.sample) for path in filling.registered() for row in read_shard(path)]


def _names(filling: Filling) -> list[str]:
    return sorted(path.name for path in filling.registered())


def _artefact(filling: Filling) -> Path:
    [manifest] = filling.folder.glob("cache/sample/*/manifest.json")
    return manifest.parent


def _digest(filling: Filling) -> str:
    return json.loads((_artefact(filling) / "manifest.json").read_text())["digest"]


def _equal_texts(wanted: Filling, found: Filling) -> float:
    rows = read_shards(_artefact(wanted), Response)
    others = read_shards(_artefact(found), Response)
    return sum(row.text == other.text for row, other in zip(rows, others, strict=True)) / len(rows)


def _moments(reference: Reference, chance: random.Random) -> Iterator[tuple[str, Moment]]:
    for number in itertools.count():
        if number % 4 == 0:
            yield "any time", at_any_time(chance.random() * reference.seconds)
        elif number % 4 == 2 and reference.filling.arm != "ray":  # whose workers write no shard
            last = len(reference.filling.registered()) - 1
            yield "before its name", before_it_has_a_name(chance.randrange(last))
        else:
            yield (
                "in the filling",
                after_the_first_shard(chance.random() * reference.seconds_filling),
            )


def _row(*cells: object) -> None:
    line = "".join(str(cell).ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
    print(line, flush=True)


_WIDTHS = (18, 10, 12, 16, 6)


def _kills(arm: str, count: int, folder: Path, chance: random.Random) -> list[Kill]:
    reference = undisturbed(arm, folder / "undisturbed")
    shards = len(reference.filling.registered())
    print(f"\n{arm}: undisturbed {reference.seconds:.1f} s, {shards} shards\n")
    _row("moment", "kill at", "registered", "one unnamed", "equal")
    moments = _moments(reference, chance)
    kills: list[Kill] = []
    while (landed := sum(kill.landed for kill in kills)) < count:
        name, moment = next(moments)
        kill = kill_and_finish(reference, folder / str(len(kills)), name, moment)
        _row(*kill.cells())
        for fault in kill.faults:
            print(f"  {fault}")
        kills.append(kill)
    bad = sum(bool(kill.faults) for kill in kills)
    unnamed = sum(kill.unnamed for kill in kills)
    print(
        f"\n{arm}: {len(kills) - bad} of {len(kills)} pools are as if undisturbed; {landed} runs "
        f"were hit, {unnamed} between a shard's writing and its name"
    )
    return kills


def main() -> int:
    """Print one line per kill; return 1 if any pool is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    for arm in ARMS:
        parser.add_argument(f"--{arm}", type=int, default=0, metavar="KILLS")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    given = parser.parse_args()
    if given.ray and find_spec("advdistill.teacher.ray") is None:
        parser.error("this version has no teacher on Ray")
    chance = random.Random(given.seed)
    bad = 0
    for arm in ARMS:
        count = getattr(given, arm)
        if count:
            with tempfile.TemporaryDirectory() as folder:
                kills = _kills(arm, count, Path(folder), chance)
            bad += sum(bool(kill.faults) for kill in kills)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
