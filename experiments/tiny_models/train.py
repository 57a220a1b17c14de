"""Train the tiny teacher and the tiny base student that the package ships.

    python experiments/tiny_models/train.py teacher OUT    # then: student

Both read story problems of other seeds than the quickstart's, none of whose chains of amounts they
ever see, and learn to write each step and `#### answer`.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import torch
from omegaconf import OmegaConf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from advdistill.dataset.quickstart import StoryProblems, chains, tell

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
INSTRUCTION = OmegaConf.load(
    Path(__file__).parents[2] / "conf" / "answer_format" / "hash.yaml"
).instruction
HELD_OUT_SEEDS = range(3)
"""`dataset.seed` values whose chains are kept out of the training stream."""


@dataclass(frozen=True)
class Recipe:
    """How one of the two models is made."""

    layers: int
    intermediate: int
    steps: int
    """Length of the learning-rate schedule."""
    stop: int
    """Where training ends: early, so that the teacher is fallible and the student a beginner."""
    batch: int
    learning_rate: float
    seed: int
    lengths: dict[int, float]
    """Share of each number of amounts in the second part of training."""
    terse: float
    """Share of the solutions that give the answer without the steps that lead to it."""


RECIPES = {
    "teacher": Recipe(
        layers=4, intermediate=384, steps=4000,
        stop=1000, batch=64, learning_rate=2e-3, seed=101,
        lengths={2: 0.15, 3: 0.25, 4: 0.3, 5: 0.3},
        terse=0.0,
    ),
    "student": Recipe(
        layers=3, intermediate=256, steps=2500,
        stop=1500, batch=64, learning_rate=3e-3, seed=202,
        lengths={2: 0.2, 3: 0.3, 4: 0.3, 5: 0.2},
        terse=0.6,
    ),
}  # fmt: skip


def main() -> None:
    """Train one model and write it, its tokenizer and its measured accuracy."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=RECIPES)
    parser.add_argument("out", type=Path)
    parser.add_argument("--every", type=int, default=250, help="steps between two snapshots")
    arguments = parser.parse_args()
    recipe = RECIPES[arguments.model]
    torch.manual_seed(recipe.seed)
    tokenizer = train_tokenizer()
    model = Qwen3ForCausalLM(shape(recipe, tokenizer))
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(tokenizer)} tokens")
    fit(model, tokenizer, recipe, every=arguments.every, out=arguments.out)


def train_tokenizer() -> PreTrainedTokenizerFast:
    """Return a byte-level BPE in which every digit is a token of its own."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    examples = examples_of({2: 1.0, 3: 1.0}, seed=1, held_out=set())
    corpus = [
        f"user\n{question}\n{INSTRUCTION}\nassistant\n{solution}"
        for question, solution, _ in (next(examples) for _ in range(2000))
    ]
    bpe.train_from_iterator(
        corpus,
        trainers.BpeTrainer(
            vocab_size=448,
            special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHAT_TEMPLATE,
        model_max_length=512,
    )


def shape(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> Qwen3Config:
    """Return a Qwen3 of width 128; vLLM on a CPU asks for heads of at least 32."""
    return Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=recipe.intermediate,
        num_hidden_layers=recipe.layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        use_sliding_window=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def fit(
    model: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    recipe: Recipe,
    *,
    every: int,
    out: Path,
) -> None:
    """Train with AdamW, warm-up and a cosine; write and measure a snapshot every so often."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.01
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=recipe.steps, pct_start=0.05
    )
    held_out = held_out_chains()
    easy = examples_of({2: 0.7, 3: 0.3}, seed=recipe.seed, held_out=held_out, terse=recipe.terse)
    full = examples_of(recipe.lengths, seed=recipe.seed + 1, held_out=held_out, terse=recipe.terse)
    started = time.monotonic()
    for step in range(1, recipe.stop + 1):
        source = easy if step <= recipe.steps // 5 else full
        batch = encode([next(source) for _ in range(recipe.batch)], tokenizer)
        loss = model(**batch).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 100 == 0:
            seconds = time.monotonic() - started
            print(f"step {step} loss {loss:.4f} norm {norm:.2f} {seconds:.0f} s", flush=True)
        if step % every == 0 or step == recipe.stop:
            write(model, tokenizer, out / f"step{step:05d}", measure(model, tokenizer))


def examples_of(
    lengths: dict[int, float], *, seed: int, held_out: set[tuple[int, ...]], terse: float = 0.0
) -> Iterator[tuple[str, str, str]]:
    """Yield (question, solution, answer) without end."""
    generator = random.Random(seed)
    streams = {length: chains(seed=1_000 + seed, terms=length) for length in lengths}
    while True:
        (length,) = generator.choices(list(lengths), list(lengths.values()))
        amounts = next(streams[length])
        if amounts not in held_out:
            totals = list(accumulate(amounts))
            steps = [
                f"{before}{amount:+d}={after}"
                for (before, after), amount in zip(pairwise(totals), amounts[1:], strict=True)
            ]
            answer = str(totals[-1])
            shown = [] if terse and generator.random() < terse else steps
            yield tell(amounts, generator), "\n".join([*shown, f"#### {answer}"]), answer


def held_out_chains() -> set[tuple[int, ...]]:
    """Return every chain that a quickstart data set of a held-out seed can hold."""
    from itertools import islice

    from advdistill.dataset.quickstart import _distinct

    return {
        amounts
        for seed in HELD_OUT_SEEDS
        for terms in range(2, 6)
        for amounts in islice(_distinct(chains(seed=seed, terms=terms)), 900)
    }


def prompt_ids(questions: list[str], tokenizer: PreTrainedTokenizerFast) -> list[list[int]]:
    """Return the rendered prompts as token ids."""
    rendered = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": f"{question}\n{INSTRUCTION}"}],
            tokenize=False,
            add_generation_prompt=True,
        )
        for question in questions
    ]
    return tokenizer(rendered, add_special_tokens=False)["input_ids"]


def encode(
    batch: list[tuple[str, str, str]], tokenizer: PreTrainedTokenizerFast
) -> dict[str, torch.Tensor]:
    """Return right-padded ids; only the solution and its end carry a label."""
    prompts = prompt_ids([question for question, _, _ in batch], tokenizer)
    solutions = tokenizer(
        [f"{solution}<|im_end|>" for _, solution, _ in batch], add_special_tokens=False
    )["input_ids"]
    rows = [p + s for p, s in zip(prompts, solutions, strict=True)]
    width = max(map(len, rows))
    ids = torch.full((len(rows), width), tokenizer.pad_token_id)
    labels = torch.full((len(rows), width), -100)
    for index, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
        ids[index, : len(row)] = torch.tensor(row)
        labels[index, len(prompt) : len(row)] = torch.tensor(row[len(prompt) :])
    mask = (torch.arange(width)[None] < torch.tensor([len(row) for row in rows])[:, None]).long()
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


@torch.inference_mode()
def measure(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast) -> dict[str, float]:
    """Return greedy and sampled accuracy on 200 problems of a held-out seed."""
    problems = StoryProblems(
        name="check", seed=2, train=1, dev=0, test=200, min_terms=2, max_terms=5
    )
    prompts = [prompt for prompt in problems.load() if prompt.split == "test"]
    model.eval()
    tokenizer.padding_side = "left"
    ids = tokenizer.pad(
        {"input_ids": prompt_ids([p.question for p in prompts], tokenizer)}, return_tensors="pt"
    )
    greedy = model.generate(**ids, do_sample=False, max_new_tokens=56)
    sampled = model.generate(
        **ids,
        do_sample=True,
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        num_return_sequences=8,
        max_new_tokens=56,
    )
    model.train()
    start = ids["input_ids"].shape[1]

    def right(row: torch.Tensor, answer: str) -> bool:
        return tokenizer.decode(row[start:], skip_special_tokens=True).endswith(f"#### {answer}")

    first = [right(row, p.answer) for row, p in zip(greedy, prompts, strict=True)]
    groups = [
        sum(right(row, p.answer) for row in sampled[8 * i : 8 * i + 8])
        for i, p in enumerate(prompts)
    ]
    by_length = {
        f"greedy_{subject.split()[0]}": sum(
            f for f, p in zip(first, prompts, strict=True) if p.subject == subject
        )
        / sum(p.subject == subject for p in prompts)
        for subject in sorted({p.subject for p in prompts})
    }
    return {
        "greedy": sum(first) / len(prompts),
        "sampled": sum(groups) / len(prompts) / 8,
        "mixed_groups": sum(0 < k < 8 for k in groups) / len(prompts),
        **by_length,
    }


def write(
    model: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
    measured: dict[str, float],
) -> None:
    """Write model, tokenizer and measurement."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "measured.json").write_text(json.dumps(measured, indent=2))
    print(
        folder.name,
        json.dumps({name: round(value, 3) for name, value in measured.items()}),
        flush=True,
    )


if __name__ == "__main__":
    main()
