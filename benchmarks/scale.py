"""How fast a large pool is judged and weighed, in how much memory, and whether time is linear.

    ADVDISTILL_DATA=<folder of real data> python -m benchmarks.scale [--prompts 10000 30000 125000]
    ADVDISTILL_DATA=<folder of real data> python -m benchmarks.scale --million

The pool is made of the recorded answers to GSM8K, problems and answers replicated under ids of
their own, 8 to a prompt. The makers of the run read and write it. Each stage has a process of its
own; its memory is the sum of the proportional set sizes (PSS) of all its processes, so that pages
which several share, or which map a file, count once.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from advdistill.budget import Budget, BudgetUnit
from advdistill.making import SHARD_PROMPTS, Maker, prompts_file, shard_file
from advdistill.making_rewards import MakeRewards
from advdistill.making_weights import MakeWeights
from advdistill.records import Prompt, Response, Split
from advdistill.tables import write_rows
from benchmarks.judging import FORMAT, RECORDED, Unwatched, recorded, verifier_named
from tests.contract.components import component

SAMPLES = 8
MEMORY_GIB = 2.0
POLL_SECONDS = 0.2
Group = tuple[Prompt, list[Response]]


def main() -> None:
    """Print a line for each stage and size, and how the times grow."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--prompts", type=int, nargs="+", default=[10_000, 30_000, 125_000])
    parser.add_argument("--million", action="store_true", help="1,000,000 prompts, once")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--weighting", default="softmax")
    parser.add_argument("--folder", help="where the pools are made; a temporary folder by default")
    arguments = parser.parse_args()
    data = os.environ.get("ADVDISTILL_DATA")
    if data is None:
        sys.exit("ADVDISTILL_DATA is not set; wanted the folder that holds " + RECORDED)
    problems = [
        (prompt, [answer for _, answer in pairs])
        for prompt, pairs in groupby(recorded(Path(data) / RECORDED), key=lambda pair: pair[0])
    ]
    sizes = [1_000_000] if arguments.million else arguments.prompts
    print(f"{'prompts':>9} {'stage':14} {'seconds':>8} {'answers/s':>10} {'peak GiB':>9}")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        found = {
            size: through_the_stages(
                written(Path(name) / str(size), problems, size),
                arguments.weighting,
                processes=arguments.processes,
                prompts=size,
            )
            for size in sizes
        }
    conclude(found)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a stage took."""

    seconds: float
    peak_gib: float


def through_the_stages(
    pool: Path, weighting: str, *, processes: int, prompts: int
) -> dict[str, Cost]:
    """Return what each stage costs on a pool, and print it."""
    makers: dict[str, Maker] = {
        "judge": MakeRewards(
            verifier=verifier_named("number"),
            answer_format=FORMAT,
            prompts=pool,
            responses=pool,
            processes=processes,
        ),
        "weigh": MakeWeights(
            weighting=component("weighting", weighting),
            budget=Budget(unit=BudgetUnit.none, amount=1.0),
            responses=pool,
            rewards=pool / "judge",
        ),
    }
    costs: dict[str, Cost] = {}
    for stage, maker in makers.items():
        (pool / stage).mkdir()
        costs[stage] = cost_of(maker, pool / stage)
        tell(prompts, stage, costs[stage])
    both = Cost(
        seconds=sum(cost.seconds for cost in costs.values()),
        peak_gib=max(cost.peak_gib for cost in costs.values()),
    )
    tell(prompts, "judge + weigh", both)
    return {**costs, "judge + weigh": both}


def tell(prompts: int, stage: str, cost: Cost) -> None:
    """Print a stage's line."""
    rate = prompts * SAMPLES / cost.seconds
    print(
        f"{prompts:9,} {stage:14} {cost.seconds:8.1f} {rate:10,.0f} {cost.peak_gib:9.2f}",
        flush=True,
    )


def conclude(found: Mapping[int, Mapping[str, Cost]]) -> None:
    """Print how time and memory grow from the smallest pool to each other one."""
    smallest, *others = sorted(found)
    for size in others:
        for stage in found[size]:
            less, more = found[smallest][stage], found[size][stage]
            slope = (more.seconds / size) / (less.seconds / smallest)
            growth = more.peak_gib - less.peak_gib
            print(
                f"{stage}: {size:,} prompts take {slope:.2f} times the seconds per answer of "
                f"{smallest:,}, and {growth:+.2f} GiB"
            )
    peak = max(cost.peak_gib for costs in found.values() for cost in costs.values())
    print(f"peak {peak:.2f} GiB; wanted at most {MEMORY_GIB:g}")


def written(folder: Path, problems: Sequence[Group], prompts: int) -> Path:
    """Return the folder with so many prompts and their answers as the stages before write them."""
    (folder / "shards").mkdir(parents=True)
    starts = range(0, prompts, SHARD_PROMPTS)
    shards = [range(start, min(start + SHARD_PROMPTS, prompts)) for start in starts]
    batches = ([copied(problems, place)[0] for place in shard] for shard in shards)
    write_rows(prompts_file(folder, Split.train), Prompt, batches)
    for number, shard in enumerate(shards):
        rows = [answer for place in shard for answer in copied(problems, place)[1]]
        write_rows(shard_file(folder, number), Response, [rows])
    return folder


def copied(problems: Sequence[Group], place: int) -> Group:
    """Return a problem and 8 of its answers under ids of their own, others each time round."""
    turn, number = divmod(place, len(problems))
    prompt, answers = problems[number]
    prompt_id = f"gsm8k/train/{place:07d}"
    chosen = [answers[(turn * SAMPLES + sample) % len(answers)] for sample in range(SAMPLES)]
    return replace(prompt, prompt_id=prompt_id), [
        replace(answer, prompt_id=prompt_id, sample=sample) for sample, answer in enumerate(chosen)
    ]


def cost_of(maker: Maker, draft: Path) -> Cost:
    """Return what the maker takes in a process of its own."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=timed, args=(maker, draft, sender))
    process.start()
    sender.close()
    watched = psutil.Process(process.pid)
    peak = 0
    while not receiver.poll(POLL_SECONDS):
        peak = max(peak, proportional(watched))
    seconds = receiver.recv()
    process.join()
    return Cost(seconds=seconds, peak_gib=peak / 2**30)


def proportional(process: psutil.Process) -> int:
    """Return the bytes of a process and all below it, shared pages divided among their users."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total


def timed(maker: Maker, draft: Path, connection: Connection) -> None:
    """Send how many seconds the maker takes."""
    logging.basicConfig(level=logging.WARNING)
    begun = time.perf_counter()
    maker(draft, Unwatched())
    connection.send(time.perf_counter() - begun)


if __name__ == "__main__":
    main()
