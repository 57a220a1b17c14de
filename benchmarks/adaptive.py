"""Adaptive sampling against a fixed number of answers, on the quickstart.

`python -m benchmarks.adaptive` runs both with the same teacher and several seeds of the student,
and prints the informative groups, the answers that each asked for, the fewest that any rule of
this kind could ask for, and the student's difference with its one-sided bound.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import t

from advdistill.making import read_shards
from advdistill.records import TOTAL, Reward, Verdict

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = 8
ARMS = ("fixed", "adaptive")


@dataclass(frozen=True, kw_only=True)
class Pool:
    """What a pool's verdicts say."""

    answers: int
    passed: dict[str, int]
    """Right answers by prompt."""
    judged: dict[str, int]

    @property
    def mixed(self) -> set[str]:
        """The prompts with right and wrong answers."""
        return {name for name, right in self.passed.items() if 0 < right < self.judged[name]}


def main() -> None:
    """Print what both arms come to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--test", type=int, default=2000, help="problems to evaluate on")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, on a thread each")
    parser.add_argument("--margin", type=float, default=2.0, help="points")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder) / "outputs"
        tasks = [(arm, seed) for seed in range(given.seeds) for arm in ARMS]
        with ThreadPoolExecutor(given.jobs) as pool:
            done = pool.map(lambda task: _run(outputs, *task, given.test), tasks)
            folders = dict(zip(tasks, done, strict=True))
        runs = {arm: [folders[arm, seed] for seed in range(given.seeds)] for arm in ARMS}
        pools = {arm: _pool(own[0]) for arm, own in runs.items()}
        scores = {arm: [_accuracy(run) for run in own] for arm, own in runs.items()}
    _tell_pools(pools)
    _tell_students(scores, given.margin)


def _tell_pools(pools: dict[str, Pool]) -> None:
    fixed, adaptive = pools["fixed"], pools["adaptive"]
    for arm, pool in pools.items():
        print(f"{arm:9} {pool.answers} answers, {len(pool.mixed)} informative groups")
    print(f"the same groups: {fixed.mixed == adaptive.mixed}")
    least = sum(_least(right / fixed.judged[name]) for name, right in fixed.passed.items())
    for name, answers in (("saved", adaptive.answers), ("bound", least)):
        print(
            f"{name:9} {1 - answers / fixed.answers:.1%} of the answers ({answers:.0f} asked for)"
        )


def _tell_students(scores: dict[str, list[float]], margin: float) -> None:
    apart = [
        100 * (one - other) for one, other in zip(scores["adaptive"], scores["fixed"], strict=True)
    ]
    mean, error = statistics.mean(apart), statistics.stdev(apart) / len(apart) ** 0.5
    lowest = mean - t.ppf(0.95, len(apart) - 1) * error
    for arm, own in scores.items():
        print(f"{arm:9} {100 * statistics.mean(own):.2f} % by seed: {[f'{x:.3f}' for x in own]}")
    print(
        f"adaptive minus fixed: {mean:+.2f} points over {len(apart)} seeds, one-sided 95 % bound "
        f"{lowest:+.2f}; non-inferior within {margin:g}: {lowest > -margin}"
    )


def _least(rate: float) -> float:
    """Return how many answers are asked for on average if each is looked at before the next.

    Until the first two differ, or all of them are there; `rate` is that of right answers.
    """
    return 1 + sum(rate**n + (1 - rate) ** n for n in range(1, SAMPLES))


def _run(outputs: Path, arm: str, seed: int, test: int) -> Path:
    command: Sequence[str] = [
        sys.executable,
        str(ROOT / "run.py"),
        f"sampling={arm}",
        f"teacher.samples={SAMPLES}",
        f"seed={seed}",
        f"dataset.test={test}",
        "budget=weight",
        "tracking=none",
        "runtime.threads=1",
        f"outputs={outputs}",
        f"name={arm}_{seed}",
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return next((outputs / "runs" / f"{arm}_{seed}").iterdir())


def _pool(run: Path) -> Pool:
    stages = json.loads((run / "stages.json").read_text())
    totals = [
        row for row in read_shards(Path(stages["judge"]["folder"]), Reward) if row.rule == TOTAL
    ]
    names = dict.fromkeys(row.prompt_id for row in totals)
    right = (Verdict.passed,)
    known = (Verdict.passed, Verdict.failed, Verdict.unparsed)
    return Pool(
        answers=len(totals),
        passed={n: sum(r.prompt_id == n and r.verdict in right for r in totals) for n in names},
        judged={n: sum(r.prompt_id == n and r.verdict in known for r in totals) for n in names},
    )


def _accuracy(run: Path) -> float:
    record = json.loads((run / "record.json").read_text())
    return next(score["accuracy"] for score in record["scores"] if score["role"] == "student")


if __name__ == "__main__":
    main()
