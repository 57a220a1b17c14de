"""Training and generation on one CUDA device, by a random model of the shape of Qwen2.5-1.5B.

`python -m benchmarks.cuda training` trains the same recorded answers in bfloat16, padded, packed
with a copy of the prompt per answer, and with shared prompts; each arm goes through
`Finetune.train`, proof included. `python -m benchmarks.cuda generation` lets the engine of the
transformers teacher answer prompts of the same texts. Needs ADVDISTILL_DATA.

Model FLOPs are those of the tokens that an arm's passes hold, padding left out: 6 per parameter of
the body and token, 6 per parameter of the head and response token, and 12 times the width of all
heads per layer and pair of tokens that see each other.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from transformers import AutoConfig, AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

from advdistill.budget import Budget, BudgetUnit
from advdistill.engine.generation import Decoding
from advdistill.engine.transformers import open_engine
from advdistill.interfaces import Example, Packing, Sharding, TrainingJob
from advdistill.objective.weighted_nll import Negative, Normaliser, WeightedNLL
from advdistill.student.batches import Row, encode, own_end
from advdistill.student.finetune import Dtype, Finetune, Overlong
from advdistill.student.packing import Tree, micro_batches
from advdistill.student.schedule import batches
from benchmarks.training_rows import FORMAT, QWEN_WORDS, examples, write_tokenizer

PEAK = {"H100": 989e12, "H200": 989e12}
"""Dense bfloat16 products per second, by the maker's data sheet of the SXM parts."""
NO_BUDGET = Budget(unit=BudgetUnit.none, amount=1.0)
MAX_TOKENS = 2048
console = Console(width=120)


class MeasuredError(Exception):
    """The steps to time are done; what a training does after its last step is not timed."""


@dataclass
class Stopwatch:
    """Notes when each step ends and what it trained on, and ends the training after the last."""

    steps: int
    times: list[float] = field(default_factory=list)
    tokens: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def report(self, numbers: Mapping[str, float], step: int) -> None:
        """Note a step; its loss has been read, so the device is done with it."""
        if step == 0 or "loss" not in numbers:
            return
        torch.cuda.synchronize()
        self.times.append(time.perf_counter())
        self.tokens.append(numbers["tokens"])
        self.losses.append(numbers["loss"])
        if step == self.steps:
            raise MeasuredError

    def progress(self, done: int, total: int) -> None:
        """Keep nothing."""


def main() -> None:
    """Print the tables that the arguments ask for."""
    options = _options()
    version = f"torch {torch.__version__}, CUDA {torch.version.cuda}"
    console.print(f"{torch.cuda.get_device_name()}, {version}, {options.shape} shape")
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder), options.shape)
        if options.what == "generation":
            generation(folder)
        else:
            training(folder, options)


SHAPES = {
    "1.5B": {
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
    },
    "0.5B": {
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
    },
}
"""Of Qwen2.5; both have two key heads and one matrix for both ends of the vocabulary."""


def write_model(folder: Path, shape: str) -> None:
    """Write a random model of the shape, and a tokenizer that cuts texts as Qwen's does."""
    tokenizer = write_tokenizer(folder, "gsm8k", 8_192, QWEN_WORDS)
    config = Qwen2Config(
        vocab_size=151_936,
        num_key_value_heads=2,
        max_position_embeddings=32_768,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **SHAPES[shape],
    )
    torch.manual_seed(0)
    with torch.device("cuda"):
        model = Qwen2ForCausalLM(config)
    model.to(torch.bfloat16).save_pretrained(folder)


def training(folder: str, options: argparse.Namespace) -> None:
    """Print tokens per second, share of the peak and memory of each arm."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    count = options.prompts * options.steps
    found = examples("gsm8k", tokenizer, prompts=count, samples=8)
    rows = encode(found, end=own_end(tokenizer), max_tokens=MAX_TOKENS).by_prompt
    student = _student(folder, options)
    steps = [
        [row for name in batch for row in rows[name]] for batch in batches(student, rows, NO_BUDGET)
    ]
    prompt = statistics.mean(row.prompt_tokens for step in steps for row in step)
    response = statistics.mean(row.response_tokens for step in steps for row in step)
    table = Table(
        title=f"P = {prompt:.0f}, R = {response:.0f}, N = 8, passes of {options.row_tokens}"
    )
    for column in ("arm", "response tokens/s", "of all tokens/s", "MFU", "peak GiB", "proof"):
        table.add_column(column, justify="left" if column == "arm" else "right")
    rates = {}
    for packing in map(Packing, options.arms):
        arm = _arm(student, found, packing, options)
        timed = steps[options.warm : options.steps]
        work = [_work(folder, step, packing, options.row_tokens) for step in timed]
        seconds = arm.watch.times[-1] - arm.watch.times[options.warm - 1]
        rates[packing] = sum(arm.watch.tokens[options.warm :]) / seconds
        flops = sum(one.flops for one in work)
        cells = [
            packing.value,
            f"{rates[packing]:,.0f}",
            f"{sum(one.tokens for one in work) / seconds:,.0f}",
            _of_peak(flops / seconds),
            f"{arm.peak / 2**30:.1f}",
            f"{arm.proof['gradient_gap']:.1e}, {arm.proof['bfloat16']['gradient_gap']:.1e}",
        ]
        table.add_row(*cells)
        # at once, as a later arm may not end
        console.print(*cells, "losses", [round(loss, 5) for loss in arm.watch.losses])
    console.print(table)
    if Packing.plain not in rates:
        return
    bound = 8 * (prompt + response) / (prompt + 8 * response)
    for packing in {Packing.shared, Packing.auto} & rates.keys():
        gain = rates[packing] / rates[Packing.plain]
        console.print(
            f"{packing.value}: {gain:.2f} times the prompt not shared; bound of token counts "
            f"{bound:.2f}, reached {gain / bound:.2f}"
        )


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What the training of one arm left."""

    watch: Stopwatch
    peak: int
    """Bytes, of the timed steps."""
    proof: Mapping[str, float | Mapping[str, float]]


def _arm(
    student: Finetune, found: Sequence[Example], packing: Packing, options: argparse.Namespace
) -> Arm:
    watch = Stopwatch(steps=options.steps)
    job = TrainingJob(
        answer_format=FORMAT,
        validate=None,
        watch=watch,
        budget=NO_BUDGET,
        row_tokens=options.row_tokens,
        packing=packing,
        sharding=Sharding.none,
        compile=options.compile,
    )
    objective = WeightedNLL(
        normaliser=Normaliser.tokens,
        constant=1.0,
        negative=Negative.unlikelihood,
        allow_unbounded=False,
    )
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as place:
        try:
            student.train(objective, found, folder=Path(place), job=job)
        except MeasuredError:
            proof = json.loads((Path(place) / "proof.json").read_text())
            return Arm(watch=watch, peak=torch.cuda.max_memory_allocated(), proof=proof)
    raise AssertionError("the watch ends each training")


@dataclass(frozen=True, kw_only=True)
class Work:
    """What the passes of a step compute, padding left out."""

    tokens: int
    flops: float


def _work(folder: str, rows: Sequence[Row], packing: Packing, row_tokens: int) -> Work:
    kind = Packing.plain if packing is Packing.padded else packing  # but for padding the same
    passes = micro_batches(rows, packing=kind, row_tokens=row_tokens)
    trees = [tree for one in passes for tree in one.trees or ()]
    config = AutoConfig.from_pretrained(folder)
    width = config.hidden_size
    keys = width // config.num_attention_heads * config.num_key_value_heads
    layer = 2 * width * width + 2 * width * keys + 3 * width * config.intermediate_size
    tokens = sum(tree.tokens for tree in trees)
    head = config.vocab_size * width * sum(row.response_tokens for row in rows)
    pairs = width * sum(map(_pairs, trees))
    layers = config.num_hidden_layers
    return Work(tokens=tokens, flops=6 * (layers * layer * tokens + head) + 12 * layers * pairs)


def _pairs(tree: Tree) -> int:
    """Return how many pairs of tokens see each other."""
    prompt = tree.prompt_tokens
    return prompt * (prompt + 1) // 2 + sum(
        own * prompt + own * (own + 1) // 2 for own in tree.response_tokens
    )


def _of_peak(flops: float) -> str:
    peaks = [peak for name, peak in PEAK.items() if name in torch.cuda.get_device_name()]
    return f"{flops / peaks[0]:.1%}" if peaks else f"{flops / 1e12:.0f} TFLOP/s"


def _student(folder: str, options: argparse.Namespace) -> Finetune:
    return Finetune(
        model=folder,
        revision=None,
        dtype=Dtype.bfloat16,
        adapter=None,
        seed=0,
        epochs=1.0,
        max_steps=options.steps,
        batch_prompts=options.prompts,
        learning_rate=1e-5,
        warmup=0.0,
        min_learning_rate=1.0,
        weight_decay=0.0,
        max_gradient_norm=1.0,
        max_tokens=MAX_TOKENS,
        overlong=Overlong.drop,
        gradient_checkpointing=options.checkpointing,
        eval_every=options.steps,
        keep_checkpoints=1,
        collapse_window=None,
        collapse_drop=0.5,
        collapse_surge=4.0,
    )


def generation(folder: str) -> None:
    """Print the tokens per second of batches of 8 answers to each prompt."""
    engine = open_engine(folder, None, dtype="bfloat16")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompts = [
        one.tokens.read()[: one.tokens.prompt_tokens].tolist()
        for one in examples("gsm8k", tokenizer, prompts=64, samples=8)[::8]
    ]
    seeds = [[8 * number + sample for sample in range(8)] for number in range(len(prompts))]
    decoding = Decoding(temperature=1.0, top_p=1.0, max_tokens=256)
    engine.generate(prompts[:2], decoding=decoding, seeds=seeds[:2])
    for count in (8, 32, 64):
        torch.cuda.reset_peak_memory_stats()
        begun = time.perf_counter()
        found = engine.generate(prompts[:count], decoding=decoding, seeds=seeds[:count])
        seconds = time.perf_counter() - begun
        tokens = sum(one.tokens for row in found for one in row)
        console.print(
            f"{8 * count} answers at once: {tokens / seconds:,.0f} tokens/s "
            f"({tokens:,} in {seconds:.1f} s), "
            f"peak {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["training", "generation"])
    parser.add_argument("--shape", default="1.5B", choices=list(SHAPES))
    parser.add_argument("--arms", nargs="+", default=[one.value for one in Packing])
    parser.add_argument("--prompts", type=int, default=32, help="of a step")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--warm", type=int, default=2, help="first steps, which are not timed")
    parser.add_argument("--row-tokens", type=int, default=32_768)
    parser.add_argument("--compile", action="store_true", help="layers")
    parser.add_argument("--checkpointing", action="store_true", help="of activations")
    return parser.parse_args()


if __name__ == "__main__":
    main()
