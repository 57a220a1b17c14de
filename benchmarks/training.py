"""Response tokens trained per second: this trainer against TRL's, on the same recorded answers.

`python -m benchmarks.training` runs every arm in a process of its own, in turns, and prints each
one's median with the ratios that are claimed. `--n` shows the cost against the number of answers;
`--processor` goes by the processor time of one thread, which neighbours on the machine lengthen
least. Needs ADVDISTILL_DATA, and for TRL the extra `bench`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.training_arms import Task
from benchmarks.training_rows import SHAPES, SOURCES, write_student

TUNED = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**34),
    "MALLOC_TOP_PAD_": str(2**28),
}
"""glibc keeps what it freed, instead of giving it back to the system and faulting it in again."""
_PLAIN: Mapping[str, str] = {}
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
ARMS = {
    "auto": ("ours: auto", {}),
    "plain": ("ours: prompt not shared", {}),
    "trl": ("TRL, packed (bfd)", {}),
    "trl tuned": ("TRL, allocator tuned", TUNED),
    "trl_compact tuned": ("TRL, compaction forced, tuned", TUNED),
}
console = Console(width=120)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the runs of one arm gave."""

    rates: list[float]
    peak: float
    prompt_tokens: float
    response_tokens: float

    @property
    def rate(self) -> float:
        """The median, in response tokens per second."""
        return statistics.median(self.rates)


def main() -> None:
    """Print the tables that the arguments ask for."""
    options = _options()
    for shape in options.shapes:
        for source in options.sources:
            with tempfile.TemporaryDirectory() as folder:
                write_student(Path(folder), shape, source)
                task = Task(
                    arm="auto",
                    folder=folder,
                    source=source,
                    samples=8,
                    batch_prompts=options.prompts,
                    steps=options.steps,
                    row_tokens=options.row_tokens,
                )
                if options.n:
                    _against_n(task, shape, options)
                else:
                    _against_trl(task, shape, options)


def _against_trl(task: Task, shape: str, options: argparse.Namespace) -> None:
    arms = [arm for arm in ARMS if shape == "wide" or not arm.startswith("trl")]
    found = _in_turns(
        task, [arm for arm in arms if arm in options.arms or not options.arms], options
    )
    floor = run_arm(task, arm="floor")["peak"]
    table = Table(title=f"{shape}: vocabulary {SHAPES[shape]:,}, {task.source}, N={task.samples}")
    for column in ("arm", "tokens/s", "lowest", "highest", "peak MB", "above the floor"):
        table.add_column(column, justify="left" if column == "arm" else "right")
    for arm, one in found.items():
        table.add_row(
            ARMS[arm][0],
            f"{one.rate:.0f}",
            f"{min(one.rates):.0f}",
            f"{max(one.rates):.0f}",
            f"{one.peak:.0f}",
            f"{one.peak - floor:.0f}",
        )
    console.print(table)
    ours = found["auto"]
    prompt, response = ours.prompt_tokens, ours.response_tokens
    console.print(f"P = {prompt:.0f}, R = {response:.0f} tokens; floor {floor:.0f} MB")
    for arm, one in found.items():
        if arm.startswith("trl"):
            console.print(
                f"{ours.rate / one.rate:.2f} times {ARMS[arm][0]}; memory above the floor "
                f"{(ours.peak - floor) / (one.peak - floor):.2f} of its"
            )
    if "plain" in found:
        bound = _bound(task.samples, prompt, response)
        gain = ours.rate / found["plain"].rate
        console.print(
            f"{gain:.2f} times the prompt not shared; bound of token counts {bound:.2f}, "
            f"reached {gain / bound:.2f}"
        )


def _against_n(task: Task, shape: str, options: argparse.Namespace) -> None:
    table = Table(title=f"{shape}: vocabulary {SHAPES[shape]:,}, {task.source}: cost against N")
    for column in ("N", "auto", "plain", "ratio", "bound"):
        table.add_column(column, justify="right")
    for samples in (1, 2, 4, 8, 16, 64):
        prompts = max(1, 8 * task.batch_prompts // samples)
        one = replace(task, samples=samples, batch_prompts=prompts)
        found = _in_turns(one, ["auto", "plain"], options)
        auto, plain = found["auto"], found["plain"]
        bound = _bound(samples, auto.prompt_tokens, auto.response_tokens)
        table.add_row(
            str(samples),
            f"{auto.rate:.0f}",
            f"{plain.rate:.0f}",
            f"{auto.rate / plain.rate:.2f}",
            f"{bound:.2f}",
        )
    console.print(table)


def _bound(samples: int, prompt: float, response: float) -> float:
    """Return how many times fewer tokens a body sees where the prompt is shared."""
    return samples * (prompt + response) / (prompt + samples * response)


def _in_turns(
    task: Task,
    arms: Sequence[str],
    options: argparse.Namespace,
) -> dict[str, Found]:
    seconds, extra = ("processor", ONE_THREAD) if options.processor else ("seconds", _PLAIN)
    runs: dict[str, list[dict[str, float]]] = {arm: [] for arm in arms}
    for arm in _turns(arms, options.repeats):
        environment = {**ARMS[arm][1], **extra}
        runs[arm].append(run_arm(task, arm=arm.split()[0], environment=environment))
        done = runs[arm][-1]
        print(f"{arm}: {done['tokens'] / done[seconds]:.0f} tokens/s", file=sys.stderr)
    return {
        arm: Found(
            rates=[one["tokens"] / one[seconds] for one in found],
            peak=max(one["peak"] for one in found),
            prompt_tokens=found[0]["prompt_tokens"],
            response_tokens=found[0]["response_tokens"],
        )
        for arm, found in runs.items()
    }


def _turns(arms: Sequence[str], repeats: int) -> Iterator[str]:
    for _ in range(repeats):
        yield from arms


def run_arm(
    task: Task, *, arm: str | None = None, environment: Mapping[str, str] = _PLAIN
) -> dict[str, Any]:
    """Return the figures of the task's arm, or of another, run in a process of its own."""
    one = task if arm is None else replace(task, arm=arm)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.training_arms"],
        input=json.dumps(asdict(one)),
        env={**os.environ, **environment, "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--sources", nargs="+", default=list(SOURCES), choices=list(SOURCES))
    parser.add_argument("--arms", nargs="*", default=[], choices=list(ARMS))
    parser.add_argument("--n", action="store_true", help="the cost against N instead")
    parser.add_argument("--prompts", type=int, default=4, help="of a step")
    parser.add_argument("--steps", type=int, default=3, help="the first is not timed")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--processor", action="store_true", help="by the processor time of one thread"
    )
    parser.add_argument("--row-tokens", type=int, default=2048)
    return parser.parse_args()


if __name__ == "__main__":
    main()
