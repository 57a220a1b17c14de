"""How fast a large pool becomes packed rows, in how much memory, and whether time is linear.

    ADVDISTILL_DATA=<folder of real data> python -m benchmarks.scale [--prompts 10000 30000 125000]
    ADVDISTILL_DATA=<folder of real data> python -m benchmarks.scale --million

The pool is made of the recorded answers to GSM8K, problems and answers replicated under ids of
their own, 8 to a prompt. The makers of the run judge, weigh and tokenise it; then one epoch of the
loop's batches is packed into passes. Each stage has a process of its own; its memory is the sum of
the proportional set sizes (PSS) of all its processes, so that pages which several share, or which
map a file, count once. Rates are by the clock and by the processor time of all processes together.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import resource
import shutil
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
from advdistill.examples import PoolFolders
from advdistill.interfaces import Packing, Watch, Weighting
from advdistill.making import SHARD_PROMPTS, Maker, Meta, prompts_file, shard_file
from advdistill.making_rewards import MakeRewards
from advdistill.making_tokens import MakeTokens
from advdistill.making_weights import MakeWeights
from advdistill.models import load_tokenizer
from advdistill.records import Prompt, Response, Split
from advdistill.student.finetune import Finetune
from advdistill.tables import write_rows
from benchmarks.judging import FORMAT, RECORDED, Unwatched, recorded, verifier_named
from tests.contract.components import component

SAMPLES = 8
ROW_TOKENS = 4096
SUMS = (("judge", "weigh"), ("judge", "weigh", "tokenise", "pack"))
NO_BUDGET = Budget(unit=BudgetUnit.none, amount=1.0)
MEMORY_GIB = 2.0
POLL_SECONDS = 0.2
Group = tuple[Prompt, list[Response]]


def main() -> None:
    """Print a line for each stage and size, and how the times grow."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--prompts", type=int, nargs="+", default=[10_000, 30_000, 125_000])
    parser.add_argument(
        "--million", action="store_true", help="1,000,000 prompts, judged and weighed only"
    )
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
    print(
        f"{'prompts':>9} {'stages':24} {'seconds':>8} {'answers/s':>10} {'per CPU s':>10} "
        f"{'peak GiB':>9}"
    )
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        # not above: it needs torch
        from benchmarks.training_rows import QWEN_WORDS, write_student

        student = Path(name) / "student"
        write_student(student, "body", "gsm8k", words=QWEN_WORDS)
        found: dict[int, dict[str, Cost]] = {}
        for size in sizes:
            pool = written(Path(name) / str(size), problems, size)
            stages = Stages(
                pool=pool,
                weighting=component("weighting", arguments.weighting),
                student=replace(component("student", "finetune"), model=str(student)),
                processes=arguments.processes,
            )
            found[size] = through(stages, size, whole=not arguments.million)
            shutil.rmtree(pool)
    conclude(found)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one or several stages took."""

    seconds: float
    cpu_seconds: float
    """Of all processes."""
    peak_gib: float

    def __add__(self, other: Cost) -> Cost:
        """Return what both took, one after the other."""
        return Cost(
            seconds=self.seconds + other.seconds,
            cpu_seconds=self.cpu_seconds + other.cpu_seconds,
            peak_gib=max(self.peak_gib, other.peak_gib),
        )


@dataclass(frozen=True, kw_only=True)
class Stages:
    """The makers of a pool's stages, each of which writes beside it."""

    pool: Path
    weighting: Weighting
    student: Finetune
    processes: int

    def makers(self) -> dict[str, Maker]:
        """Return them in the order in which they run."""
        folders = PoolFolders(
            prompts=self.pool,
            responses=self.pool,
            rewards=self.pool / "judge",
            weights=self.pool / "weigh",
            tokens=self.pool / "tokenise",
        )
        return {
            "judge": MakeRewards(
                verifier=verifier_named("number"),
                answer_format=FORMAT,
                prompts=self.pool,
                responses=self.pool,
                processes=self.processes,
            ),
            "weigh": MakeWeights(
                weighting=self.weighting,
                budget=NO_BUDGET,
                responses=self.pool,
                rewards=folders.rewards,
            ),
            "tokenise": MakeTokens(
                student=self.student,
                answer_format=FORMAT,
                prompts=self.pool,
                responses=self.pool,
                processes=self.processes,
            ),
            "pack": Packer(student=self.student, pool=folders),
        }


@dataclass(frozen=True, kw_only=True)
class Packer:
    """Packs one epoch of a training as its loop does, and throws it away."""

    student: Finetune
    pool: PoolFolders

    def __call__(self, draft: Path, watch: Watch) -> Meta:  # noqa: ARG002 - as a `Maker`
        """Return how many tokens the passes have."""
        # Here, as the processes that judge import this module too, and have no need of torch.
        from advdistill.student.batches import encode, own_end
        from advdistill.student.packing import micro_batches
        from advdistill.student.schedule import batches

        tokenizer = load_tokenizer(self.student.model, None)
        by_prompt = encode(
            self.pool.examples(), end=own_end(tokenizer), max_tokens=self.student.max_tokens
        ).by_prompt
        tokens = 0
        for names in batches(replace(self.student, epochs=1.0), by_prompt, NO_BUDGET):
            rows = [row for name in names for row in by_prompt[name]]
            passes = micro_batches(rows, packing=Packing.auto, row_tokens=ROW_TOKENS)
            tokens += sum(one.ids_BS.numel() for one in passes)
        return {"line": f"{tokens} tokens", "tokens": tokens}


def through(stages: Stages, prompts: int, *, whole: bool) -> dict[str, Cost]:
    """Return what the stages cost, one by one and summed up to each sum of interest."""
    costs: dict[str, Cost] = {}
    for stage, maker in stages.makers().items():
        if whole or stage in ("judge", "weigh"):
            draft = stages.pool / stage
            draft.mkdir()
            costs[stage] = cost_of(maker, draft)
            tell(prompts, stage, costs[stage])
    for names in SUMS:
        if set(names) <= set(costs):
            name = " + ".join(names)
            costs[name] = sum((costs[one] for one in names[1:]), costs[names[0]])
            tell(prompts, name if len(names) < 3 else "all", costs[name])
    return costs


def tell(prompts: int, stages: str, cost: Cost) -> None:
    """Print the line of some stages."""
    answers = prompts * SAMPLES
    print(
        f"{prompts:9,} {stages:24} {cost.seconds:8.1f} {answers / cost.seconds:10,.0f} "
        f"{answers / cost.cpu_seconds:10,.0f} {cost.peak_gib:9.2f}",
        flush=True,
    )


def conclude(found: Mapping[int, Mapping[str, Cost]]) -> None:
    """Print how time and memory grow from the smallest pool to each other one."""
    smallest, *others = sorted(found)
    for size in others:
        for stage in found[size]:
            less, more = found[smallest][stage], found[size][stage]
            clock = (more.seconds / size) / (less.seconds / smallest)
            processor = (more.cpu_seconds / size) / (less.cpu_seconds / smallest)
            print(
                f"{stage}: an answer of {size:,} prompts takes {clock:.2f} times the seconds and "
                f"{processor:.2f} times the processor time of one of {smallest:,}, and all "
                f"{more.peak_gib - less.peak_gib:+.2f} GiB"
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
    seconds, cpu_seconds = receiver.recv()
    process.join()
    return Cost(seconds=seconds, cpu_seconds=cpu_seconds, peak_gib=peak / 2**30)


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
    """Send how many seconds the maker takes, and how much of the processors' time."""
    logging.basicConfig(level=logging.WARNING)
    begun, cpu_begun = time.perf_counter(), cpu_seconds()
    maker(draft, Unwatched())
    connection.send((time.perf_counter() - begun, cpu_seconds() - cpu_begun))


def cpu_seconds() -> float:
    """Return the processor time of this process and of those that it has ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
