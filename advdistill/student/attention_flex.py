"""Attention over trees on CUDA: one call for the row, which skips the blocks that nobody sees.

Axes: `H` heads, `S` tokens of the row, `D` width of a head; the batch is 1.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache

import torch
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from advdistill.student.packing import Tree


def flex(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    trees: tuple[Tree, ...],
    scale: float | None,
) -> torch.Tensor:
    """Return the output (1, S, H, D) for queries (1, H, S, D), keys and values."""
    # On a CPU it runs as it is written, forward only, which is how its mask is tested.
    attend = _compiled() if query.is_cuda else flex_attention
    output = attend(
        query,
        key,
        value,
        block_mask=_block_mask(trees, query.device),
        scale=scale,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(output, torch.Tensor), "nothing but the output was asked for"
    return output.transpose(1, 2)


Sight = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Tells of tokens, by their places in the row, whether the first ones see the second ones."""


def sight(trees: tuple[Tree, ...], device: torch.device) -> Sight:
    """Return who sees whom: a token those before it, of its tree's prompt and its response."""
    own, trunk = [], []
    for tree in trees:
        first = own[-1] + 1 if own else 0
        lengths = [tree.prompt_tokens, *tree.response_tokens]
        own += [first + part for part, length in enumerate(lengths) for _ in range(length)]
        trunk += [first] * tree.tokens
    own_S, trunk_S = torch.tensor(own, device=device), torch.tensor(trunk, device=device)

    def sees(asking: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        near = (own_S[seen] == own_S[asking]) | (own_S[seen] == trunk_S[asking])
        return near & (seen <= asking)

    return sees


@lru_cache(maxsize=2)
def _block_mask(trees: tuple[Tree, ...], device: torch.device) -> BlockMask:
    """Return the mask of a row, made once for all layers of its pass."""
    sees = sight(trees, device)
    size = trees[-1].start + trees[-1].tokens

    def mask(
        batch: torch.Tensor,  # noqa: ARG001 - the same for all
        head: torch.Tensor,  # noqa: ARG001
        asking: torch.Tensor,
        seen: torch.Tensor,
    ) -> torch.Tensor:
        return sees(asking, seen)

    return create_block_mask(mask, None, None, size, size, device=device)  # pyright: ignore


@cache
def _compiled() -> Callable[..., object]:
    return torch.compile(flex_attention)
