"""Attention over packed trees: a response sees its prompt and itself, nothing else of the row.

Axes: `H` heads, `S` tokens, `D` width of a head; the batch is 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.attention.bias import causal_lower_right
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from advdistill.student.packing import Tree

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NAME = "advdistill_trees"


@contextmanager
def tree_attention(model: PreTrainedModel) -> Iterator[None]:
    """Let the model attend over trees inside; backward passes belong inside too."""
    before = model.config._attn_implementation or "sdpa"
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    trees: Sequence[Tree] | None = None,
    **options: Any,  # what transformers passes to every attention function
) -> tuple[torch.Tensor, None]:
    """Return the attention's output (1, S, H, D); without trees, that of plain attention."""
    if trees is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    repeats = query.shape[1] // key.shape[1]
    key, value = repeat_kv(key, repeats), repeat_kv(value, repeats)
    dropout, scale = options.get("dropout", 0.0), options.get("scaling")
    parts = [
        part
        for tree in trees
        for part in _tree(query, key, value, tree, dropout=dropout, scale=scale)
    ]
    return torch.cat(parts, 2).transpose(1, 2), None


def _tree(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    tree: Tree,
    *,
    dropout: float,
    scale: float | None,
) -> Iterator[torch.Tensor]:
    if len(tree.response_tokens) == 1:
        whole = slice(tree.start, tree.start + tree.tokens)
        yield scaled_dot_product_attention(
            query[:, :, whole],
            key[:, :, whole],
            value[:, :, whole],
            dropout_p=dropout,
            is_causal=True,
            scale=scale,
        )
        return
    prompt = slice(tree.start, tree.start + tree.prompt_tokens)
    yield scaled_dot_product_attention(
        query[:, :, prompt],
        key[:, :, prompt],
        value[:, :, prompt],
        dropout_p=dropout,
        is_causal=True,
        scale=scale,
    )
    start = prompt.stop
    for tokens in tree.response_tokens:
        own = slice(start, start + tokens)
        yield scaled_dot_product_attention(
            query[:, :, own],
            torch.cat([key[:, :, prompt], key[:, :, own]], 2),
            torch.cat([value[:, :, prompt], value[:, :, own]], 2),
            attn_mask=causal_lower_right(tokens, tree.prompt_tokens + tokens),
            dropout_p=dropout,
            scale=scale,
        )
        start = own.stop


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
