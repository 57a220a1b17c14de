"""Attention over trees on CUDA in half precision: one call of FlashAttention for the row.

Each response is a sequence of queries by itself, which looks at a copy of its prompt's keys and at
its own; the first of a tree stands right behind its prompt, and both are one sequence. Nothing is
masked or padded, and key heads, few as they are, are all that is copied.

Axes: `H` heads, `S` tokens of the row, `C` keys with their copies, `P` prompt tokens, `M` copies of
one key, `D` width of a head; the batch is 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from advdistill.student.packing import Tree

# What `torch.nn.attention.varlen` runs; its backward pass cannot be asked for the same bits twice.
_flash = torch.ops.aten._flash_attention_forward
_flash_backward = torch.ops.aten._flash_attention_backward


def computes(query: torch.Tensor) -> bool:
    """Return whether FlashAttention has a kernel for such queries, keys and values alike."""
    width = query.shape[-1]
    return (
        query.is_cuda
        and query.dtype in (torch.bfloat16, torch.float16)
        and width <= 256
        and width % 8 == 0
        and torch.backends.cuda.is_flash_attention_available()
        and torch.cuda.get_device_capability(query.device) >= (8, 0)
    )


def varlen(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    trees: tuple[Tree, ...],
    scale: float | None,
) -> torch.Tensor:
    """Return the output (1, S, H, D) for queries (1, H, S, D), keys and values."""
    parts_SHD = [part[0].transpose(0, 1) for part in (query, key, value)]
    return _Varlen.apply(*parts_SHD, sequences(trees, query.device), scale)[None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sequences:
    """Which queries look at which keys, sequence by sequence; a query sees up to its own key."""

    query_ends: torch.Tensor
    """0 and, in order, where the queries of each sequence end in the row."""
    key_ends: torch.Tensor
    """The same of its keys among all keys and copies."""
    longest_query: int
    longest_key: int
    copied_C: torch.Tensor | None
    """Where in the row each key stands; None: there are no copies, and all are in their order."""
    own_S: torch.Tensor
    """Which of the keys and copies each token of the row is in its own sequence."""
    prompts_P: torch.Tensor
    """The prompt tokens that are copied."""
    copies_PM: torch.Tensor
    """Their copies; C where there are fewer."""

    def copied(self, row_SHD: torch.Tensor) -> torch.Tensor:
        """Return (C, H, D) of what stands in the row."""
        return row_SHD if self.copied_C is None else row_SHD.index_select(0, self.copied_C)

    def summed(self, slope_CHD: torch.Tensor) -> torch.Tensor:
        """Return the gradient (S, H, D) of the row by that of all copies, always in one order."""
        if self.copied_C is None:
            return slope_CHD
        row_SHD = slope_CHD.index_select(0, self.own_S)
        padded = torch.cat([slope_CHD, slope_CHD.new_zeros(1, *slope_CHD.shape[1:])])
        wide = torch.promote_types(slope_CHD.dtype, torch.float32)
        found_PHD = padded[self.copies_PM].sum(1, dtype=wide) + row_SHD[self.prompts_P]
        row_SHD[self.prompts_P] = found_PHD.to(row_SHD.dtype)
        return row_SHD


@lru_cache(maxsize=2)
def sequences(trees: tuple[Tree, ...], device: torch.device) -> Sequences:
    """Return the sequences of a row, made once for all layers of its pass."""
    queries, keys = [0], [0]
    copied, own, prompts, copies = [], [], [], []
    for tree in trees:
        prompt = np.arange(tree.start, tree.start + tree.prompt_tokens)
        starts = []
        for number, response in enumerate(tree.responses):
            answer = np.arange(response.start, response.stop)
            starts.append(keys[-1])
            copied += [prompt, answer]
            queries.append(response.stop)
            keys.append(keys[-1] + len(prompt) + len(answer))
            own.append(np.arange(starts[-1] + (len(prompt) if number else 0), keys[-1]))
        prompts.append(prompt)
        copies.append(np.arange(len(prompt))[:, None] + np.array(starts[1:], dtype=np.int64))
    most = max(part.shape[1] for part in copies)
    padded = [
        np.pad(part, ((0, 0), (0, most - part.shape[1])), constant_values=keys[-1])
        for part in copies
    ]

    def placed(parts: Sequence[np.ndarray]) -> torch.Tensor:
        return torch.from_numpy(np.concatenate(parts)).to(device)

    return Sequences(
        query_ends=torch.tensor(queries, dtype=torch.int32, device=device),
        key_ends=torch.tensor(keys, dtype=torch.int32, device=device),
        longest_query=int(np.diff(queries).max()),
        longest_key=int(np.diff(keys).max()),
        copied_C=placed(copied) if most else None,
        own_S=placed(own),
        prompts_P=placed(prompts),
        copies_PM=placed(padded),
    )


class _Varlen(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query_SHD: torch.Tensor,
        key_SHD: torch.Tensor,
        value_SHD: torch.Tensor,
        parts: Sequences,
        scale: float | None,
    ) -> torch.Tensor:
        output_SHD, sums, *randomness, _ = _flash(
            query_SHD,
            parts.copied(key_SHD),
            parts.copied(value_SHD),
            parts.query_ends,
            parts.key_ends,
            parts.longest_query,
            parts.longest_key,
            0.0,
            True,
            False,
            scale=scale,
        )
        # copies of keys are made again, since those of all layers would take much memory
        ctx.save_for_backward(query_SHD, key_SHD, value_SHD, output_SHD, sums, *randomness)
        ctx.parts, ctx.scale = parts, scale
        return output_SHD

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *slopes: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query_SHD, key_SHD, value_SHD, output_SHD, sums, *randomness = ctx.saved_tensors
        parts = ctx.parts
        with _same_bits():
            by_query, by_key, by_value = _flash_backward(
                slopes[0],
                query_SHD,
                parts.copied(key_SHD),
                parts.copied(value_SHD),
                output_SHD,
                sums,
                parts.query_ends,
                parts.key_ends,
                parts.longest_query,
                parts.longest_key,
                0.0,
                True,
                *randomness,
                scale=ctx.scale,
            )
        return by_query, parts.summed(by_key), parts.summed(by_value), None, None


@contextmanager
def _same_bits() -> Iterator[None]:
    """Let the kernels inside add up in one order, which FlashAttention takes no option for."""
    before = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warns)
