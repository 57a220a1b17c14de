"""Judges generated hostile answers by every quick verifier: nothing may raise, hang or be run.

    python -m benchmarks.fuzz [--answers 10000000] [--seed 0] [--processes 2] [--costly 0.003]
                              [--in-turn]

With `--in-turn` each answer is judged by one verifier, the next 2,000 answers by the next.

Every verdict must be one of the six; an answer built from the gold value must pass, one built from
another must not. While a verdict is given, an audit hook of Python notes whatever compiles or runs
code, starts a process or writes a file. A share of the verdicts that are costly is made where it
can be killed. Exits with 1 if anything is found; the same seed makes the same answers.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import os
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from functools import cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from random import Random

from advdistill.interfaces import Costly, Judge, Verifier
from advdistill.judging import open_judge
from advdistill.records import AnswerKind, Response, Reward
from benchmarks.fuzz_findings import AUDIT, Findings, print_report
from benchmarks.fuzz_texts import FORMATS, Case, case
from benchmarks.judging import verifier_named

KINDS = {
    "number": AnswerKind.number,
    "math": AnswerKind.math,
    "choice": AnswerKind.choice,
    "exact": AnswerKind.text,
    "layout": AnswerKind.number,
}
"""The verifiers by the names of their YAMLs, and their problems; any other gets numbers."""
IN_TURNS = ("choice", "math")
"""The slow ones: each leaves every second answer to the other, unless it must know its value."""
CHUNK = 2_000
"""Answers that share a seed."""
HANG_SECONDS = 300
"""So long may a chunk take; then where it hangs is printed."""


def main() -> None:
    """Judge the answers and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--answers", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--costly", type=float, default=0.003, help="share of them that is done")
    parser.add_argument("--verifiers", default=",".join(KINDS))
    parser.add_argument("--in-turn", action="store_true", help="one verifier for each answer")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    names = tuple(arguments.verifiers.split(","))
    tasks = (
        (
            names[number % len(names) :][:1] if arguments.in_turn else names,
            arguments.seed,
            number,
            min(CHUNK, arguments.answers - start),
            arguments.costly,
        )
        for number, start in enumerate(range(0, arguments.answers, CHUNK))
    )
    findings = Findings()
    with ExitStack() as stack:
        executor = stack.enter_context(
            ProcessPoolExecutor(arguments.processes, mp_context=get_context("spawn"))
        )
        judges: dict[str, Judge] = {}
        for done in as_they_come(executor, tasks, arguments.processes):
            findings.add(done)
            judge_costly(done.costly, findings, judges, stack)
            show_progress(findings.answers, arguments.answers, time.perf_counter() - begun)
    print_report(findings, time.perf_counter() - begun)
    sys.exit(bool(findings.faults))


def as_they_come(
    executor: ProcessPoolExecutor,
    tasks: Iterator[tuple[tuple[str, ...], int, int, int, float]],
    processes: int,
) -> Iterator[Findings]:
    """Yield what comes of each task, with few of them waiting."""
    running: set[Future[Findings]] = set()
    while True:
        for task in islice(tasks, 3 * processes - len(running)):
            running.add(executor.submit(judged_chunk, *task))
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()


def judged_chunk(
    names: tuple[str, ...], seed: int, number: int, count: int, costly: float
) -> Findings:
    """Return what comes of one chunk; a process that hangs in it ends and says where."""
    faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
    verifiers = built(names)
    findings = judged(verifiers, Random(f"{seed}/{number}"), count, costly)
    faulthandler.cancel_dump_traceback_later()
    return findings


@cache
def built(names: tuple[str, ...]) -> dict[str, Verifier]:
    """Return the verifiers, which have imported and compiled what they need."""
    verifiers = {name: verifier_named(name) for name in names}
    judged(verifiers, Random("warm"), 2_000, 0.0, watched=False)
    gc.freeze()  # else collecting what was imported counts as a verdict's time
    return verifiers


def judged(
    verifiers: Mapping[str, Verifier],
    random: Random,
    count: int,
    costly: float,
    *,
    watched: bool = True,
) -> Findings:
    """Return what comes of the next answers of a generator."""
    findings = Findings(answers=count)
    draw = Random(random.random())  # of its own, so that the share changes no answer
    in_turns = IN_TURNS if verifiers.keys() >= set(IN_TURNS) else (None, None)
    for place in range(count):
        one = case(random)
        response = one.response()
        for name, verifier in verifiers.items():
            if name == in_turns[place % 2] and name not in one.passes:
                continue
            AUDIT.armed = watched
            rows = judged_one(name, verifier, (one, response), findings)
            if isinstance(rows, Costly):
                findings.verdicts[name, "costly"] += 1
                if draw.random() < costly:
                    findings.costly.append((name, one))
            elif rows:
                findings.check(name, one, rows)
    return findings


def judged_one(
    name: str, verifier: Verifier, answer: tuple[Case, Response], findings: Findings
) -> list[Reward] | Costly | None:
    """Return what a verifier says, None where it raises; note the time and forbidden events."""
    one, response = answer
    prompt, answer_format = one.prompt(KINDS.get(name, AnswerKind.number)), FORMATS[one.style]
    begun = time.thread_time()
    try:
        rows = verifier.judge(prompt, response, answer_format=answer_format)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        findings.fault(name, one, f"{type(error).__name__} in {where}")
        return None
    finally:
        AUDIT.armed = False
    seconds = time.thread_time() - begun
    if seconds > findings.slowest.get(name, (0.0, ""))[0]:
        shown = f"{len(one.text):,} characters: {one.text[:40]!r} ... {one.text[-60:]!r}"
        findings.slowest[name] = (seconds, shown)
    for event in AUDIT.taken():
        findings.fault(name, one, f"a verdict caused {event}")
    return rows


def judge_costly(
    drawn: Sequence[tuple[str, Case]],
    findings: Findings,
    judges: dict[str, Judge],
    stack: ExitStack,
) -> None:
    """Have the costly verdicts made in processes that can be killed."""
    for name, one in drawn:
        key = f"{name} {one.style.value}"
        if key not in judges:
            verifier, answer_format = verifier_named(name), FORMATS[one.style]
            judges[key] = stack.enter_context(open_judge(verifier, answer_format, processes=1))
        (rows,) = judges[key]([(one.prompt(KINDS.get(name, AnswerKind.number)), one.response())])
        findings.check(f"{name}, costly", one, rows)


def show_progress(done: int, wanted: int, seconds: float) -> None:
    """Print a line over the last one where a person looks on."""
    if sys.stderr.isatty():
        print(f"\r{done:,} of {wanted:,}, {done / seconds:,.0f}/s", end="", file=sys.stderr)


if __name__ == "__main__":
    main()
