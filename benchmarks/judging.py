"""How fast answers are judged, on one core, beside Math-Verify and with bombs among them.

    ADVDISTILL_DATA=<folder of real data> python -m benchmarks.judging [--quick] [--verifier math]

The answers are the recorded ones to GSM8K. Both libraries judge the same ones, a few of each in
turns, so that whatever slows the machine slows both. The second table is the real stage: shards of
responses in Parquet to rewards in Parquet, every hundredth answer a bomb or none.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.build import build
from advdistill.interfaces import Judge, Verifier
from advdistill.judging import open_judge
from advdistill.making import prompts_file, shard_file
from advdistill.making_rewards import MakeRewards
from advdistill.records import AnswerKind, Finish, Prompt, Response, Split, Verdict
from advdistill.tables import write_rows
from benchmarks.bombs import BOMBS

FORMAT = AnswerFormat(style=AnswerStyle.hash, instruction="", system=None, thinking=None)
CONF = Path(__file__).resolve().parents[1] / "conf"
RECORDED = "responses/gsm8k_recorded.jsonl.gz"
SHARD_PROMPTS = 32
BOMB_EVERY = 100
TURN = 400
"""Answers that one library judges before it is the other's turn."""
Pair = tuple[Prompt, Response]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer answers and rounds")
    parser.add_argument("--verifier", default="number", help="the name of a YAML, such as math")
    arguments = parser.parse_args()
    folder = os.environ.get("ADVDISTILL_DATA")
    if folder is None:
        sys.exit("ADVDISTILL_DATA is not set; wanted the folder that holds " + RECORDED)
    core = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})  # the judge's processes inherit it
    answers = list(recorded(Path(folder) / RECORDED))
    verifier = verifier_named(arguments.verifier)
    print(f"verifier {arguments.verifier}, {len(answers):,} recorded answers, core {core}\n")
    beside_math_verify(verifier, answers, 300 if arguments.quick else 4000)
    through_the_stage(verifier, answers, rounds=3 if arguments.quick else 9)


def verifier_named(name: str) -> Verifier:
    """Return the verifier of a YAML."""
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        cfg = compose("config", overrides=[f"verifier={name}"])
    return build("verifier", cfg.verifier, Verifier)


def recorded(path: Path) -> Iterator[Pair]:
    """Yield every recorded answer with its problem."""
    with gzip.open(path, "rt") as lines:
        for line in lines:
            problem = json.loads(line)
            prompt = Prompt(
                prompt_id=f"gsm8k/train/{problem['problem_id']}",
                split=Split.train,
                question=problem["question"],
                answer=problem["gold"],
                kind=AnswerKind.number,
            )
            for sample, row in enumerate(problem["responses"]):
                yield prompt, answer(prompt, sample, row["response"])


def answer(prompt: Prompt, sample: int, text: str) -> Response:
    """Return a text as a response."""
    return Response(
        prompt_id=prompt.prompt_id,
        sample=sample,
        text=text,
        tokens=None,
        finish=Finish.stop,
        teacher="recorded",
    )


@dataclass
class Tally:
    """What has been judged, and how long it took."""

    answers: int = 0
    passed: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of this process only; what others do on the core does not count, nor do its workers."""

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Add the time that the block takes."""
        begun, cpu_begun = time.perf_counter(), time.process_time()
        yield
        self.seconds += time.perf_counter() - begun
        self.cpu_seconds += time.process_time() - cpu_begun

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds

    @property
    def cpu_rate(self) -> float:
        """Answers per second of processor time."""
        return self.answers / self.cpu_seconds


def beside_math_verify(verifier: Verifier, answers: Sequence[Pair], count: int) -> None:
    """Print the rates of both on the same answers."""
    logging.disable()  # Math-Verify tells of every time-out
    sample = random.Random(0).sample(answers, count)
    with open_judge(verifier, FORMAT, processes=1) as judge:
        found = in_turns(
            sample,
            {
                "AdvDistill": lambda pairs: passes(judge, pairs),
                "Math-Verify, gold parsed each time": math_verify(),
                "Math-Verify, gold cached": math_verify({}),
            },
        )
    title = f"the same {count:,} answers, in turns of {TURN}"
    print(f"{title:44} {'pass':>6} {'per s':>9} {'ratio':>7} {'per CPU s':>10} {'ratio':>7}")
    ours = found["AdvDistill"]
    for name, tally in found.items():
        print(
            f"{name:44} {tally.passed:6} {tally.rate:9,.0f} {ours.rate / tally.rate:6.1f}x "
            f"{tally.cpu_rate:10,.0f} {ours.cpu_rate / tally.cpu_rate:6.1f}x"
        )


def in_turns(
    answers: Sequence[Pair], judges: Mapping[str, Callable[[Sequence[Pair]], int]]
) -> dict[str, Tally]:
    """Return what each makes of the answers."""
    tallies = {name: Tally() for name in judges}
    for judge in judges.values():
        judge(answers[:TURN])  # imports and compiles what it needs
    for start in range(0, len(answers), TURN):
        turn = answers[start : start + TURN]
        for name, judge in judges.items():
            with tallies[name].timed():
                passed = judge(turn)
            tallies[name].answers += len(turn)
            tallies[name].passed += passed
    return tallies


def passes(judge: Judge, pairs: Sequence[Pair]) -> int:
    """Return how many pass."""
    return sum(rows[-1].verdict is Verdict.passed for rows in judge(pairs))


def math_verify(golds: dict[str, Any] | None = None) -> Callable[[Sequence[Pair]], int]:
    """Return Math-Verify as its page shows it; `golds` keeps the golds it has parsed."""
    from math_verify import parse, verify

    def gold_of(prompt: Prompt) -> Any:
        if golds is None:
            return parse(prompt.answer)
        if prompt.answer not in golds:
            golds[prompt.answer] = parse(prompt.answer)
        return golds[prompt.answer]

    def judge(pairs: Sequence[Pair]) -> int:
        return sum(verify(gold_of(prompt), parse(one.text)) for prompt, one in pairs)

    return judge


def through_the_stage(verifier: Verifier, answers: Sequence[Pair], *, rounds: int) -> None:
    """Print the rates of the stage with and without bombs, in turns."""
    with tempfile.TemporaryDirectory() as name:
        pools = {
            "no bombs": written(Path(name) / "plain", answers),
            f"1 bomb in {BOMB_EVERY}": written(Path(name) / "bombs", bombed(answers)),
        }
        tallies: dict[str, list[Tally]] = {what: [] for what in pools}
        lines: dict[str, str] = {}
        for _ in range(rounds):
            for what, pool in pools.items():
                tally, lines[what] = judged(verifier, pool)
                tallies[what].append(tally)
    title = f"Parquet to Parquet, median of {rounds}"
    print(f"\n{title:36} {'per s':>9} {'lowest':>9} {'highest':>9} {'per CPU s':>10}")
    for what, found in tallies.items():
        rates = [tally.rate for tally in found]
        print(
            f"{what:36} {statistics.median(rates):9,.0f} {min(rates):9,.0f} {max(rates):9,.0f} "
            f"{statistics.median(tally.cpu_rate for tally in found):10,.0f}   {lines[what]}"
        )
    plain, bombs = tallies.values()
    remains = [two.rate / one.rate for one, two in zip(plain, bombs, strict=True)]
    remains_cpu = [two.cpu_rate / one.cpu_rate for one, two in zip(plain, bombs, strict=True)]
    print(
        f"{'what remains of the rate':36} {statistics.median(remains):9.1%} {min(remains):9.1%} "
        f"{max(remains):9.1%} {statistics.median(remains_cpu):10.1%}"
    )


def bombed(answers: Sequence[Pair]) -> list[Pair]:
    """Return the answers with every hundredth made a bomb, behind its own reasoning."""
    bombs = cycle(BOMBS.values())
    return [
        (
            prompt,
            replace(one, text=f"{one.text}\n{next(bombs)}") if place % BOMB_EVERY == 0 else one,
        )
        for place, (prompt, one) in enumerate(answers)
    ]


def written(folder: Path, answers: Sequence[Pair]) -> Path:
    """Return the folder with the prompts and the pool as the stages before write them."""
    (folder / "shards").mkdir(parents=True)
    prompts = {prompt.prompt_id: prompt for prompt, _ in answers}
    write_rows(prompts_file(folder, Split.train), Prompt, [list(prompts.values())])
    shard_of = {prompt_id: place // SHARD_PROMPTS for place, prompt_id in enumerate(prompts)}
    shards: dict[int, list[Response]] = {}
    for _, one in answers:
        shards.setdefault(shard_of[one.prompt_id], []).append(one)
    for number, rows in shards.items():
        write_rows(shard_file(folder, number), Response, [rows])
    return folder


class Unwatched:
    """A watch that keeps nothing."""

    def report(self, numbers: Mapping[str, float], step: int) -> None:
        """Forget the numbers."""

    def progress(self, done: int, total: int) -> None:
        """Forget the progress."""


def judged(verifier: Verifier, pool: Path) -> tuple[Tally, str]:
    """Return how the stage fares from file to file, and its own line."""
    make = MakeRewards(
        verifier=verifier, answer_format=FORMAT, prompts=pool, responses=pool, processes=1
    )
    draft = pool / "draft"
    draft.mkdir(exist_ok=True)
    tally = Tally()
    with tally.timed():
        meta = make(draft, Unwatched())
    tally.answers = int(str(meta["answers"]))
    return tally, str(meta["line"])


if __name__ == "__main__":
    main()
