"""Attention over trees on CUDA: one call for the row, which skips the blocks that nobody sees.

Axes: `H` heads, `S` tokens of the row, `B` blocks of tokens, `D` width of a head; the batch is 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import torch
from torch.nn.attention.flex_attention import BlockMask, flex_attention
from transformers.integrations.sdpa_attention import repeat_kv

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
    repeats = query.shape[1] // key.shape[1]
    # CUDA: copies of the few key heads are cheap, and the backward pass has a block of its grid for
    # each, where it would otherwise go through all queries of several heads one after another.
    output = attend(
        query,
        repeat_kv(key, repeats),
        repeat_kv(value, repeats),
        block_mask=block_mask(trees, query.device),
        scale=scale,
    )
    assert isinstance(output, torch.Tensor), "nothing but the output was asked for"
    return output.transpose(1, 2)


@lru_cache(maxsize=2)
def block_mask(trees: tuple[Tree, ...], device: torch.device) -> BlockMask:
    """Return the mask of a row, made once for all layers of its pass.

    From what each token sees of each block: the square of the tokens never exists.
    """
    sight = Sight.of(trees, device)
    covered_SB = sight.covered_SB(BLOCK)
    blocks = covered_SB.shape[1]
    covered_SB = torch.nn.functional.pad(covered_SB, (0, 0, 0, blocks * BLOCK - len(covered_SB)))
    by_block_BSB = covered_SB.view(blocks, BLOCK, blocks)
    full_BB = (by_block_BSB == BLOCK).all(1)
    part_BB = (by_block_BSB > 0).any(1) & ~full_BB
    size = len(sight.own_S)
    return BlockMask.from_kv_blocks(
        *_listed(part_BB),
        *_listed(full_BB),
        BLOCK_SIZE=BLOCK,
        mask_mod=lambda _batch, _head, asking, seen: sight.sees(asking, seen),
        seq_lengths=(size, size),
    )


BLOCK = 128
"""Tokens to a side of the squares of which flex attention computes all or nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sight:
    """Who sees whom: a token those before it, of its tree's prompt and of its own response."""

    own_S: torch.Tensor
    """Where each token's part of the row begins, a prompt or a response."""
    trunk_S: torch.Tensor
    """Where its prompt begins."""
    prompt_S: torch.Tensor
    """The tokens of that."""

    @classmethod
    def of(cls, trees: Sequence[Tree], device: torch.device) -> Sight:
        """Return the sight of the tokens of a row."""
        parts = [(start, length, tree) for tree in trees for start, length in _parts(tree)]
        starts, lengths, own_trees = zip(*parts, strict=True)
        lengths = torch.tensor(lengths)
        columns = [
            starts,
            [tree.start for tree in own_trees],
            [tree.prompt_tokens for tree in own_trees],
        ]
        found = [torch.tensor(column).repeat_interleave(lengths).to(device) for column in columns]
        return cls(own_S=found[0], trunk_S=found[1], prompt_S=found[2])

    def sees(self, asking: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Return of tokens, by their places, whether the first ones see the second ones."""
        own_S, trunk_S = self.own_S, self.trunk_S
        near = (own_S[seen] == own_S[asking]) | (own_S[seen] == trunk_S[asking])
        return near & (seen <= asking)

    def covered_SB(self, block: int) -> torch.Tensor:
        """Return how many tokens each token sees of each block of the row."""
        size = len(self.own_S)
        end_S1 = torch.arange(1, size + 1, device=self.own_S.device)[:, None]
        first_B = torch.arange(0, size, block, device=self.own_S.device)
        own_S1, trunk_S1 = self.own_S[:, None], self.trunk_S[:, None]
        prompt_end_S1 = torch.minimum(trunk_S1 + self.prompt_S[:, None], end_S1)
        answers_S1 = own_S1 != trunk_S1
        return _overlap(trunk_S1, prompt_end_S1, first_B, block) + answers_S1 * _overlap(
            own_S1, end_S1, first_B, block
        )


def _parts(tree: Tree) -> Iterator[tuple[int, int]]:
    """Yield where prompt and responses begin, and their tokens."""
    yield tree.start, tree.prompt_tokens
    for own in tree.responses:
        yield own.start, own.stop - own.start


def _overlap(
    start_S1: torch.Tensor, end_S1: torch.Tensor, first_B: torch.Tensor, block: int
) -> torch.Tensor:
    """Return how many places of each block lie in each span."""
    return (torch.minimum(end_S1, first_B + block) - torch.maximum(start_S1, first_B)).clamp_min(0)


def _listed(chosen_BB: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how many blocks of keys are chosen for each of queries, and which, those first."""
    order_BB = (~chosen_BB).int().argsort(dim=1, stable=True)
    return chosen_BB.sum(1).int()[None, None], order_BB.int()[None, None]


@cache
def _compiled() -> Callable[..., object]:
    return torch.compile(flex_attention)
