"""Ten thousand requests to an endpoint that fails in every way it can.

`python -m benchmarks.endpoint --requests 10000 --faults 0.2`. The endpoint is the scripted one of
the tests, in a process with the teacher: it knows which answer belongs to which prompt and seed,
and when each request came in. Exit code 1 if an answer is missing, twice or another prompt's, or
if any minute saw more requests or tokens than allowed.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Sequence
from math import ceil
from pathlib import Path

from rich.console import Console
from rich.table import Table

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.interfaces import Ask
from advdistill.records import AnswerKind, Prompt, Response, Split
from advdistill.seeds import sample_seed
from advdistill.teacher.openai import OpenAITeacher
from tests.endpoint.script import Script, answer_of, prompt_of, share_of_faults
from tests.endpoint.server import Server, largest_window, serve

SAMPLES = 8
SHARD_PROMPTS = 32
MINUTE = 60.0
FORMAT = AnswerFormat(style=AnswerStyle.hash, instruction="", system=None, thinking=None)


def question(number: int) -> str:
    """Return what prompt `number` asks."""
    return f"Tom has {number} coins and finds {number % 17}. How many has he now?"


def shards_of(requests: int) -> list[list[Ask]]:
    """Return prompts whose answers take so many requests, in shards."""
    asks = [
        Ask(
            prompt=Prompt(
                prompt_id=f"coins/train/{number:05d}",
                split=Split.train,
                question=question(number),
                answer=str(number + number % 17),
                kind=AnswerKind.number,
            ),
            samples=range(SAMPLES),
        )
        for number in range(ceil(requests / SAMPLES))
    ]
    return [asks[start : start + SHARD_PROMPTS] for start in range(0, len(asks), SHARD_PROMPTS)]


def teacher_of(server: Server, given: argparse.Namespace) -> OpenAITeacher:
    """Return the teacher that asks the server."""
    return OpenAITeacher(
        name="scripted",
        model=None,
        revision=None,
        samples=SAMPLES,
        temperature=1.0,
        top_p=1.0,
        max_tokens=16,
        seed=0,
        logprobs=False,
        answers_per_request=1,
        request_options={},
        shard_prompts=SHARD_PROMPTS,
        url=server.url,
        key_variable=None,
        concurrency=given.concurrency,
        requests_per_minute=given.requests_per_minute,
        tokens_per_minute=given.tokens_per_minute,
        deadline_seconds=5.0,
        retries=8,
        backoff_seconds=0.2,
        prompt_price=None,
        completion_price=None,
    )


def wrong_answers(rows: Sequence[Response], shards: Sequence[Sequence[Ask]]) -> dict[str, int]:
    """Return how many answers are missing, twice, or not their prompt's and sample's own."""
    wanted = Counter(
        (ask.prompt.prompt_id, n) for asks in shards for ask in asks for n in ask.samples
    )
    found = Counter((row.prompt_id, row.sample) for row in rows)
    questions = {ask.prompt.prompt_id: ask.prompt.question for asks in shards for ask in asks}

    def own(row: Response) -> str:
        seed = sample_seed(0, row.prompt_id, row.sample) % 2**31
        return answer_of(questions[row.prompt_id], seed)

    return {
        "missing": (wanted - found).total(),
        "twice": (found - wanted).total(),
        "foreign": sum(row.text != own(row) for row in rows),
    }


def tokens_window(server: Server) -> int:
    """Return the most tokens that any minute's requests could use, by bytes and max_tokens."""
    entries = [
        (arrival.seconds, len(prompt_of(arrival.body).encode()) + arrival.body["max_tokens"])
        for arrival in server.arrivals
    ]
    return largest_window(entries, MINUTE)


def main() -> None:
    """Print what was asked, what failed, what came back and the fullest minutes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--faults", type=float, default=0.2)
    parser.add_argument("--requests-per-minute", type=int, default=3_000)
    parser.add_argument("--tokens-per-minute", type=int, default=450_000)
    parser.add_argument("--concurrency", type=int, default=32)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    shards = shards_of(given.requests)
    script = Script(plan=share_of_faults(given.faults))
    with serve(script, wait_seconds=1.0) as server:
        begun = time.perf_counter()
        teacher = teacher_of(server, given)
        rows = [row for rows in teacher.sample(shards, answer_format=FORMAT) for row in rows]
        seconds = time.perf_counter() - begun
    wrong = wrong_answers(rows, shards)
    windows = {
        "requests": (server.largest_window(MINUTE), given.requests_per_minute),
        "tokens": (tokens_window(server), given.tokens_per_minute),
    }
    table = Table(f"{Path(sys.argv[0]).stem}", "figure")
    table.add_row("requests wanted", str(sum(len(ask.samples) for asks in shards for ask in asks)))
    table.add_row("requests that arrived", str(len(server.arrivals)))
    table.add_row("faults", f"{script.faults.total()}")
    for fault, count in sorted(script.faults.items()):
        table.add_row(f"  {fault.value}", str(count))
    table.add_row("answers", str(len(rows)))
    for name, count in wrong.items():
        table.add_row(f"  {name}", str(count))
    table.add_row("seconds", f"{seconds:.1f}")
    for name, (most, limit) in windows.items():
        table.add_row(f"most {name} in a minute", f"{most} of {limit}")
    Console().print(table)
    if any(wrong.values()) or any(most > limit for most, limit in windows.values()):
        sys.exit("FAILED")


if __name__ == "__main__":
    main()
