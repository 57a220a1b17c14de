"""Responses laid out for forward passes: shared prompts, several prompts to a row.

Axes: `B` rows of a forward pass, `S` tokens of a row, `N` response tokens of a pass, one after
another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from advdistill.interfaces import Packing
from advdistill.student.batches import Row
from advdistill.student.filling import filled


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One prompt and, behind it, responses that see the prompt and themselves."""

    start: int
    """Where in the row the prompt begins."""
    prompt_tokens: int
    response_tokens: tuple[int, ...]

    @property
    def tokens(self) -> int:
        """All its tokens."""
        return self.prompt_tokens + sum(self.response_tokens)

    @property
    def responses(self) -> Iterator[slice]:
        """Where in the row each response lies."""
        end = self.start + self.prompt_tokens
        for tokens in self.response_tokens:
            yield slice(end, end + tokens)
            end += tokens


@dataclass(frozen=True, kw_only=True, eq=False)
class MicroBatch:
    """The tokens of one forward pass."""

    ids_BS: torch.Tensor
    positions_BS: torch.Tensor
    attention_BS: torch.Tensor | None
    """Where padded: 1 on tokens, 0 on padding."""
    trees: tuple[Tree, ...] | None
    """Where packed, B being 1: what stands in the row."""
    predicting_N: torch.Tensor
    """Where in the flattened rows the hidden state lies that predicts each response token."""
    targets_N: torch.Tensor
    response_N: torch.Tensor
    """Which response of the step each token belongs to."""

    def to(self, device: torch.device) -> MicroBatch:
        """Return it with its tensors on the device."""
        return replace(
            self,
            ids_BS=self.ids_BS.to(device),
            positions_BS=self.positions_BS.to(device),
            attention_BS=None if self.attention_BS is None else self.attention_BS.to(device),
            predicting_N=self.predicting_N.to(device),
            targets_N=self.targets_N.to(device),
            response_N=self.response_N.to(device),
        )


def micro_batches(rows: Sequence[Row], *, packing: Packing, row_tokens: int) -> list[MicroBatch]:
    """Return the passes that hold every response once; `response_N` counts in the rows' order.

    A pass has at most `row_tokens` tokens, but for a response that is longer with its prompt.
    """
    if packing is Packing.padded:
        return [_padded(rows, part) for part in _padded_parts(rows, row_tokens)]
    groups = list(_groups(rows, packing, row_tokens))
    passes = filled([_tree(rows, group).tokens for group in groups], row_tokens)
    return [_packed(rows, [groups[i] for i in sorted(part)]) for part in passes]


# What a response in a tree costs more than alone, in tokens that the body computes: the calls, and
# per token the merging. Breaking even was measured on two cores with bodies 64 and 512 wide.
_BRANCH = 4
_BRANCH_TOKEN = 1 / 50


def _groups(rows: Sequence[Row], packing: Packing, row_tokens: int) -> Iterator[list[int]]:
    """Yield the rows of each tree: one response, or those of a prompt that share a copy of it."""
    by_prompt: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        by_prompt.setdefault(row.prompt_id, []).append(i)
    for group in by_prompt.values():
        room = row_tokens - rows[group[0]].prompt_tokens
        for part in filled([rows[i].response_tokens for i in group], room):
            members = sorted(group[i] for i in part)
            if packing is Packing.plain or (packing is Packing.auto and not _pays(rows, members)):
                yield from ([i] for i in members)
            else:
                yield members


def _pays(rows: Sequence[Row], members: Sequence[int]) -> bool:
    """Return whether the copies of the prompt that a tree saves outweigh what it costs."""
    saved = (len(members) - 1) * rows[members[0]].prompt_tokens
    tokens = sum(rows[i].response_tokens for i in members)
    return saved > len(members) * _BRANCH + tokens * _BRANCH_TOKEN


def _tree(rows: Sequence[Row], members: Sequence[int], start: int = 0) -> Tree:
    return Tree(
        start=start,
        prompt_tokens=rows[members[0]].prompt_tokens,
        response_tokens=tuple(rows[i].response_tokens for i in members),
    )


def _packed(rows: Sequence[Row], groups: Sequence[Sequence[int]]) -> MicroBatch:
    ids, positions, predicting, targets, responses = [], [], [], [], []
    trees: list[Tree] = []
    for members in groups:
        tree = _tree(rows, members, start=trees[-1].start + trees[-1].tokens if trees else 0)
        trees.append(tree)
        prompt = tree.prompt_tokens
        ids.append(rows[members[0]].ids[:prompt])
        positions.append(np.arange(prompt))
        for i, own in zip(members, tree.responses, strict=True):
            answer = rows[i].ids[prompt:]
            ids.append(answer)
            positions.append(np.arange(prompt, prompt + len(answer)))
            # the prompt's last token predicts the first of every response
            predicting.append([tree.start + prompt - 1])
            predicting.append(np.arange(own.start, own.stop - 1))
            targets.append(answer)
            responses.append(np.full(len(answer), i))
    return MicroBatch(
        ids_BS=_tensor(ids)[None],
        positions_BS=_tensor(positions)[None],
        attention_BS=None,
        trees=tuple(trees),
        predicting_N=_tensor(predicting),
        targets_N=_tensor(targets),
        response_N=_tensor(responses),
    )


def _padded_parts(rows: Sequence[Row], row_tokens: int) -> Iterator[list[int]]:
    part: list[int] = []
    for i in sorted(range(len(rows)), key=lambda i: -rows[i].length):
        if part and (len(part) + 1) * rows[part[0]].length > row_tokens:
            yield part
            part = []
        part.append(i)
    if part:
        yield part


def _padded(rows: Sequence[Row], part: Sequence[int]) -> MicroBatch:
    # On the right, so that positions start at 0; padding is never attended to, so its id is free.
    ids_BS = pad_sequence([torch.from_numpy(rows[i].ids).long() for i in part], batch_first=True)
    width = ids_BS.shape[1]
    lengths_B = torch.tensor([rows[i].length for i in part])
    predicting = [
        np.arange(rows[i].prompt_tokens - 1, rows[i].length - 1) + place * width
        for place, i in enumerate(part)
    ]
    return MicroBatch(
        ids_BS=ids_BS,
        positions_BS=torch.arange(width).expand(len(part), width),
        attention_BS=(torch.arange(width) < lengths_B[:, None]).long(),
        trees=None,
        predicting_N=_tensor(predicting),
        targets_N=_tensor([rows[i].ids[rows[i].prompt_tokens :] for i in part]),
        response_N=_tensor([np.full(rows[i].response_tokens, i) for i in part]),
    )


def _tensor(parts: Sequence[Sequence[int] | np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate([np.asarray(part, dtype=np.int64) for part in parts]))
