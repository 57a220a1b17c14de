"""Attention over trees on a CPU: all of a tree looks at its prompt, each response at itself.

A query's attention to two sets of keys is the mean of its attention to each, weighted by the sums
of their exponentials. So one call covers the prompt and one more per response the rest; nothing is
masked, padded or copied.

Axes: `K` key heads, `H` query heads to a key head, `S` tokens of the row, `D` width of a head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from advdistill.student.packing import Tree

# What `scaled_dot_product_attention` runs on a CPU; the public function keeps the logarithms of
# the sums to itself. It reads strides, so a key head serves its query heads without a copy.
_flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_flash_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


def merged(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    trees: Sequence[Tree],
    scale: float | None,
) -> torch.Tensor:
    """Return the output (1, S, K * H, D) for queries (1, K * H, S, D), keys and values."""
    return _Merged.apply(query, key, value, trees, scale)


class _Merged(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        trees: Sequence[Tree],
        scale: float | None,
    ) -> torch.Tensor:
        output = torch.empty_like(query.transpose(1, 2), memory_format=torch.contiguous_format)
        query_KHSD, out_KHSD, key_KHSD, value_KHSD = _grouped(
            query, output.transpose(1, 2), key, value
        )
        precision = torch.promote_types(query.dtype, torch.float32)
        sum_KHS = query.new_empty(query_KHSD.shape[:3], dtype=precision)
        for tree in trees:
            for asking, seen in _calls(tree):
                part, part_sum = _flash(
                    query_KHSD[:, :, asking],
                    key_KHSD[:, :, seen],
                    value_KHSD[:, :, seen],
                    is_causal=True,
                    scale=scale,
                )
                if seen.start == tree.start:
                    out_KHSD[:, :, asking], sum_KHS[:, :, asking] = part, part_sum
                else:
                    _merge(out_KHSD[:, :, asking], sum_KHS[:, :, asking], part, part_sum)
        ctx.save_for_backward(query, key, value, output, sum_KHS)
        ctx.trees, ctx.scale = trees, scale
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *slopes: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query, key, value, output, sum_KHS = ctx.saved_tensors
        to_query, to_key, to_value = (torch.empty_like(part) for part in (query, key, value))
        query_KHSD, out_KHSD, slope_KHSD, to_query_KHSD, key_KHSD, value_KHSD = _grouped(
            query, output.transpose(1, 2), slopes[0].transpose(1, 2), to_query, key, value
        )
        for tree in ctx.trees:
            for asking, seen in _calls(tree):
                # Given output and sum over all that a query sees, the kernel's gradient is right
                # for any part of the keys, and the parts' gradients add up.
                by_query, by_key, by_value = _flash_backward(
                    slope_KHSD[:, :, asking],
                    query_KHSD[:, :, asking],
                    key_KHSD[:, :, seen],
                    value_KHSD[:, :, seen],
                    out_KHSD[:, :, asking],
                    sum_KHS[:, :, asking],
                    0.0,
                    True,
                    scale=ctx.scale,
                )
                to_key[0, :, seen], to_value[0, :, seen] = by_key.sum(1), by_value.sum(1)
                if seen.start == tree.start:
                    to_query_KHSD[:, :, asking] = by_query
                else:
                    to_query_KHSD[:, :, asking] += by_query
        return to_query, to_key, to_value, None, None


def _calls(tree: Tree) -> Iterator[tuple[slice, slice]]:
    """Yield the queries and keys of each call, the queries being the last or all of the keys.

    Causal attention is aligned at the start: of a whole tree that looks at its prompt, prompt
    tokens see what is before them and response tokens see all.
    """
    whole = slice(tree.start, tree.start + tree.tokens)
    if len(tree.response_tokens) == 1:
        yield whole, whole
        return
    yield whole, slice(tree.start, tree.start + tree.prompt_tokens)
    for own in tree.responses:
        yield own, own


def _merge(
    out_KHSD: torch.Tensor, sum_KHS: torch.Tensor, part: torch.Tensor, part_sum: torch.Tensor
) -> None:
    """Add what the queries find in further keys, in place."""
    share = torch.sigmoid(part_sum - sum_KHS)
    out_KHSD.lerp_(part, share[..., None].to(part.dtype))
    sum_KHS.copy_(torch.logaddexp(sum_KHS, part_sum))


def _grouped(*parts: torch.Tensor) -> list[torch.Tensor]:
    """Return views (K, H, S, D) of tensors of the first's or of the last's number of heads."""
    heads, key_heads = parts[0].shape[1], parts[-1].shape[1]
    return [
        part[0].unflatten(0, (key_heads, -1)).expand(-1, heads // key_heads, -1, -1)
        for part in parts
    ]
