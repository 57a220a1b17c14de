"""Kills one of two Ray workers while they answer; says whether the pool is the undisturbed one.

`python -m benchmarks.ray_loss`. The teacher is that of `quickstart_small`, on Ray on this machine
without a GPU, its prompts those of that data set. One pool is made by the engine alone, one on
Ray, and one on Ray with a worker killed by SIGKILL when a quarter of the shards is there. Compared
is every row: prompt, sample, text, tokens and finish; log-probs to 1e-4. Exit code 1 if a pool
differs, a row is missing or double, or a process of Ray's is left.
"""

from __future__ import annotations

import argparse
import logging
import math
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

import psutil
import torch

from advdistill.answers import AnswerFormat
from advdistill.build import build
from advdistill.interfaces import Ask, Dataset, Teacher
from advdistill.records import Response, Split
from advdistill.teacher.ray import RayTeacher
from tests.builders import composed
from tests.processes import command_line

Pool = list[list[Response]]
RAY = (
    "teacher=ray",
    "teacher@teacher.engine=quickstart_small",
    "teacher.workers=2",
    "teacher.gpus_per_worker=0",
    "teacher.cpus_per_worker=0.5",
    "teacher.shards_in_flight=2",
)


def main() -> int:
    """Make the three pools, print them compared, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=96)
    prompts = parser.parse_args().prompts
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    torch.set_num_threads(1)  # as in a worker
    cfg = composed(*RAY, "dataset=quickstart_small", f"dataset.train={prompts}")
    teacher = build("teacher", cfg.teacher, RayTeacher)
    answer_format = build("answer_format", cfg.answer_format, AnswerFormat)
    shards = list(_shards(build("dataset", cfg.dataset, Dataset), teacher))
    alone = _timed("alone", teacher.engine.sample(shards, answer_format=answer_format))
    calm = _timed("on Ray", teacher.sample(shards, answer_format=answer_format))
    killed = _timed(
        "on Ray, one killed",
        _killing(teacher.sample(shards, answer_format=answer_format), after=len(shards) // 4),
    )
    faults = [
        *_differences("on Ray", alone, calm),
        *_differences("on Ray, one killed", calm, killed),
        *(f"left: {command_line(process)}" for process in _processes("ray")),
    ]
    print("\n".join(faults) or f"{sum(map(len, killed))} answers, all three pools equal")
    return bool(faults)


def _shards(dataset: Dataset, teacher: Teacher) -> Iterator[list[Ask]]:
    train = (prompt for prompt in dataset.load() if prompt.split is Split.train)
    asks = (Ask(prompt=prompt, samples=range(teacher.samples)) for prompt in train)
    while shard := list(islice(asks, teacher.shard_prompts)):
        yield shard


def _timed(name: str, answers: Iterator[list[Response]]) -> Pool:
    start = time.perf_counter()
    pool = list(answers)
    print(f"{name}: {len(pool)} shards in {time.perf_counter() - start:.0f} s", flush=True)
    return pool


def _killing(answers: Iterator[list[Response]], *, after: int) -> Iterator[list[Response]]:
    """Yield the answers; after so many shards a worker that is at work is killed."""
    for done, rows in enumerate(answers, 1):
        yield rows
        if done == after:
            victim = _processes("ray::Worker.answer")[0]
            victim.send_signal(signal.SIGKILL)
            print(f"killed process {victim.pid} after {done} shards", flush=True)


def _processes(name: str) -> list[psutil.Process]:
    below = psutil.Process().children(recursive=True)
    return [process for process in below if name in command_line(process)]


def _differences(name: str, wanted: Pool, found: Pool) -> list[str]:
    if [len(rows) for rows in wanted] != [len(rows) for rows in found]:
        return [f"{name}: {sum(map(len, found))} answers, wanted {sum(map(len, wanted))}"]
    return [
        f"{name}: {other} differs from {one}"
        for one, other in zip(_rows(wanted), _rows(found), strict=True)
        if not _equal(one, other)
    ]


def _rows(pool: Sequence[list[Response]]) -> list[Response]:
    return [row for rows in pool for row in rows]


def _equal(one: Response, other: Response) -> bool:
    assert one.logprob_sum is not None
    assert other.logprob_sum is not None
    bare = [replace(row, logprob_sum=None, logprob_mean=None) for row in (one, other)]
    return bare[0] == bare[1] and math.isclose(one.logprob_sum, other.logprob_sum, abs_tol=1e-4)


if __name__ == "__main__":
    raise SystemExit(main())
