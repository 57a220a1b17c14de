"""How fast a row of answers is attended over, and what sharing a prompt saves, on a CPU.

`python -m benchmarks.attention` prints two tables, forward and backward, as CPU seconds of one
thread: the alternatives are run in turns, and neighbours on the machine cost them the least so.

The first is why `merged` was chosen on a CPU, and is divided by its time: `separate` attends once
per response over prompt and response, `dense` once per row with a mask, `unshared` by `merged` to
rows with a copy of the prompt per answer. The second divides whole passes with a copy per answer by
passes that share it, beside the ratio of their tokens, and has what `auto` made of them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import Qwen3Config, Qwen3ForCausalLM

from advdistill.interfaces import Packing
from advdistill.student.attention import separate, tree_attention
from advdistill.student.attention_flex import sight
from advdistill.student.attention_merged import merged
from advdistill.student.batches import HeldTokens, Row
from advdistill.student.forward import PassLoss
from advdistill.student.packing import MicroBatch, Tree, micro_batches

# prompt tokens, mean response tokens, answers, heads, key heads, width of a head
ROWS = (
    (145, 168, 8, 8, 2, 64),
    (294, 153, 8, 8, 2, 64),
    (145, 150, 8, 4, 4, 32),
    (145, 150, 8, 16, 4, 16),
    (350, 150, 8, 16, 8, 128),
)
GROUPS = (
    *((145, 168, 8), (294, 153, 8), (145, 168, 1), (145, 168, 2), (145, 168, 4), (145, 168, 16)),
    *((145, 40, 64), (16, 500, 4), (16, 100, 2), (600, 20, 8)),
)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--row-tokens", type=int, default=4096)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for shape in ROWS:
        seconds = _in_turns(_kernels(*shape), options.turns)
        others = {name: f"{taken / seconds['merged']:.2f}" for name, taken in seconds.items()}
        print("P, R, N, H, K, D =", shape, f"merged {1e3 * seconds['merged']:.1f} ms,", others)
    model = _model(options.hidden)
    for group in GROUPS:
        rows = _rows(*group, prompts=max(1, 16 // group[2]))
        runs = {
            kind.value: partial(_step, model, rows, kind, options.row_tokens) for kind in _KINDS
        }
        seconds = _in_turns(runs, options.turns)
        tokens = {kind.value: _tokens(rows, kind, options.row_tokens) for kind in _KINDS}
        print(
            f"P, R, N = {group}: plain {seconds['plain']:.2f} s; "
            f"shared {seconds['plain'] / seconds['shared']:.2f} times as fast, "
            f"tokens {tokens['plain'] / tokens['shared']:.2f} times as few; "
            f"auto {seconds['plain'] / seconds['auto']:.2f} times as fast"
        )


_KINDS = (Packing.plain, Packing.shared, Packing.auto)


def _in_turns(runs: Mapping[str, Callable[[], object]], turns: int) -> dict[str, float]:
    """Return the median CPU seconds of each, after a turn that warms up."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(turns + 1):
        for name, run in runs.items():
            begun = time.process_time()
            run()
            taken[name].append(time.process_time() - begun)
    return {name: statistics.median(times[1:]) for name, times in taken.items()}


def _kernels(
    prompt: int, response: int, answers: int, heads: int, key_heads: int, width: int
) -> dict[str, Callable[[], object]]:
    lengths = tuple(_lengths(response, answers))
    shared = (Tree(start=0, prompt_tokens=prompt, response_tokens=lengths),)
    starts = np.cumsum([0, *(prompt + length for length in lengths)])
    plain = tuple(
        Tree(start=int(start), prompt_tokens=prompt, response_tokens=(length,))
        for start, length in zip(starts, lengths, strict=False)
    )
    places = torch.arange(shared[0].tokens)
    mask = sight(shared, places.device)(places[:, None], places[None, :])

    def run(kernel: Callable[..., torch.Tensor], trees: tuple[Tree, ...]) -> Callable[[], object]:
        size = trees[-1].start + trees[-1].tokens
        parts = [
            torch.randn(1, size, number, width).transpose(1, 2).requires_grad_()
            for number in (heads, key_heads, key_heads)
        ]
        return lambda: torch.autograd.grad(kernel(*parts, trees, None).square().sum(), parts)

    return {
        "merged": run(merged, shared),
        "separate": run(separate, shared),
        "dense": run(partial(_dense, mask), shared),
        "unshared": run(merged, plain),
    }


def _dense(
    mask: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    trees: object,
    scale: float | None,
) -> torch.Tensor:
    del trees
    return scaled_dot_product_attention(
        query, key, value, attn_mask=mask, scale=scale, enable_gqa=True
    ).transpose(1, 2)


def _model(hidden: int) -> Qwen3ForCausalLM:
    """Return a body with next to no vocabulary."""
    config = Qwen3Config(
        vocab_size=256,
        hidden_size=hidden,
        intermediate_size=3 * hidden,
        num_hidden_layers=2,
        num_attention_heads=8,
        num_key_value_heads=2,
        head_dim=hidden // 8,
        tie_word_embeddings=True,
    )
    return Qwen3ForCausalLM(config).train()


def _lengths(response: int, answers: int) -> list[int]:
    drawn = np.random.default_rng(0).normal(response, response / 3, answers)
    return np.clip(drawn, 0.4 * response, 2 * response).astype(int).tolist()


def _rows(prompt: int, response: int, answers: int, *, prompts: int) -> list[Row]:
    generator = np.random.default_rng(0)
    return [
        Row(
            prompt_id=str(number),
            sample=sample,
            tokens=HeldTokens(
                ids=generator.integers(0, 256, prompt + length).astype(np.int32),
                prompt_tokens=prompt,
            ),
            length=prompt + length,
            weight=1.0,
            right=True,
            teacher=None,
            reference=None,
        )
        for number in range(prompts)
        for sample, length in enumerate(_lengths(response, answers))
    ]


def _passes(rows: Sequence[Row], packing: Packing, row_tokens: int) -> list[MicroBatch]:
    return micro_batches(rows, packing=packing, row_tokens=row_tokens)


def _tokens(rows: Sequence[Row], packing: Packing, row_tokens: int) -> int:
    return sum(batch.ids_BS.numel() for batch in _passes(rows, packing, row_tokens))


def _step(model: Qwen3ForCausalLM, rows: Sequence[Row], packing: Packing, row_tokens: int) -> None:
    with tree_attention(model, packing):
        for batch in _passes(rows, packing, row_tokens):
            loss, _ = PassLoss(model)(batch, _sum)
            assert loss is not None, "a pass with a token loss has one"
            loss.backward()
    model.zero_grad()


def _sum(logprobs_N: torch.Tensor, part: slice) -> torch.Tensor:  # noqa: ARG001 - `TokenLoss`
    return -logprobs_N.sum()


if __name__ == "__main__":
    main()
