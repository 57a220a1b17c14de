"""Responses laid out for forward passes: shared prompts, several prompts to a row.

Axes: `B` rows of a forward pass, `S` tokens of a row, `N` response tokens of a pass, one after
another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from advdistill.interfaces import Packing
from advdistill.student.batches import Row


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
    groves = [_Grove(rows, list(members)) for members in _planted(rows, packing, row_tokens)]
    return [_packed(bin_) for bin_ in _filled(groves, row_tokens)]


@dataclass(frozen=True)
class _Grove:
    """The rows of one tree, as indices into the rows of the step."""

    rows: Sequence[Row]
    members: list[int]

    @property
    def prompt_tokens(self) -> int:
        return self.rows[self.members[0]].prompt_tokens

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + sum(self.rows[i].response_tokens for i in self.members)


def _planted(rows: Sequence[Row], packing: Packing, row_tokens: int) -> Iterator[list[int]]:
    """Yield the members of each tree: one response, or as many of a prompt as fit a row."""
    by_prompt = sorted(range(len(rows)), key=lambda i: rows[i].prompt_id)
    for _, members in groupby(by_prompt, key=lambda i: rows[i].prompt_id):
        group = list(members)
        if packing is Packing.plain or not _worth_sharing([rows[i] for i in group], packing):
            yield from ([i] for i in group)
            continue
        tree: list[int] = []
        room = 0
        for i in group:
            if not tree or room < rows[i].response_tokens:
                if tree:
                    yield tree
                tree, room = [], row_tokens - rows[i].prompt_tokens
            tree.append(i)
            room -= rows[i].response_tokens
        yield tree


def _worth_sharing(group: Sequence[Row], packing: Packing) -> bool:
    return packing is Packing.shared or len(group) > 1


def _filled(groves: Sequence[_Grove], row_tokens: int) -> list[list[_Grove]]:
    """Return the trees in rows: each, the largest first, goes to the first row with room."""
    bins: list[list[_Grove]] = []
    room: list[int] = []
    for grove in sorted(groves, key=lambda grove: -grove.tokens):
        place = next((i for i, left in enumerate(room) if left >= grove.tokens), None)
        if place is None:
            bins.append([grove])
            room.append(row_tokens - grove.tokens)
        else:
            bins[place].append(grove)
            room[place] -= grove.tokens
    return bins


def _packed(groves: Sequence[_Grove]) -> MicroBatch:
    ids, positions, predicting, targets, responses, trees = [], [], [], [], [], []
    start = 0
    for grove in groves:
        rows, prompt = grove.rows, grove.prompt_tokens
        first = rows[grove.members[0]]
        trees.append(
            Tree(
                start=start,
                prompt_tokens=prompt,
                response_tokens=tuple(rows[i].response_tokens for i in grove.members),
            )
        )
        ids.append(first.ids[:prompt])
        positions.append(np.arange(prompt))
        place = start + prompt
        for i in grove.members:
            answer = rows[i].ids[prompt:]
            ids.append(answer)
            positions.append(np.arange(prompt, prompt + len(answer)))
            # the prompt's last token predicts the first of every response
            predicting.append([start + prompt - 1, *range(place, place + len(answer) - 1)])
            targets.append(answer)
            responses.append(np.full(len(answer), i))
            place += len(answer)
        start = place
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
    for i in sorted(range(len(rows)), key=lambda i: -len(rows[i].ids)):
        if part and (len(part) + 1) * len(rows[part[0]].ids) > row_tokens:
            yield part
            part = []
        part.append(i)
    if part:
        yield part


def _padded(rows: Sequence[Row], part: Sequence[int]) -> MicroBatch:
    # On the right, so that positions start at 0; padding is never attended to, so its id is free.
    ids_BS = pad_sequence([torch.from_numpy(rows[i].ids).long() for i in part], batch_first=True)
    width = ids_BS.shape[1]
    lengths_B = torch.tensor([len(rows[i].ids) for i in part])
    predicting = [
        np.arange(rows[i].prompt_tokens - 1, len(rows[i].ids) - 1) + place * width
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
