"""The examples of a pool, read from its artefacts: numbers in memory, tokens on the disk.

Axes: `B` answers of a shard.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import isnan
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from advdistill.errors import StageError
from advdistill.interfaces import Example
from advdistill.making import shard_file, shard_files
from advdistill.pools import Labels, labels_of
from advdistill.records import Finish, Reference, Response, Reward, Weight
from advdistill.tables import read_table
from advdistill.tokens import StoredTokens, read_tokens, tokens_file

_compute: Any = pyarrow.compute  # whose functions exist at run time only


@dataclass(frozen=True, kw_only=True)
class PoolFolders:
    """Where the artefacts lie that a student learns from."""

    prompts: Path
    responses: Path
    rewards: Path
    weights: Path
    tokens: Path
    references: Path | None = None

    def examples(self) -> Sequence[Example]:
        """Return every response with all that was made of it.

        Raises:
            StageError: what was made is of another pool.
        """
        return Examples([self._part(number) for number in range(len(shard_files(self.responses)))])

    def _part(self, number: int) -> _Part:
        columns = ["prompt_id", "sample", "finish", "logprob_sum"]
        responses = read_table(shard_file(self.responses, number), Response, columns)
        labels = labels_of(
            responses,
            read_table(shard_file(self.rewards, number), Reward),
            read_table(shard_file(self.weights, number), Weight),
            None
            if self.references is None
            else read_table(shard_file(self.references, number), Reference),
        )
        return _Part.of(responses, labels, tokens_file(self.tokens, number))


class Examples(Sequence[Example]):
    """Examples that are made when they are asked for."""

    def __init__(self, parts: Sequence[_Part]) -> None:
        self._parts = parts
        self._ends = list(accumulate(len(part.samples_B) for part in parts))

    def __len__(self) -> int:
        """Return how many there are."""
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, place: int) -> Example: ...

    @overload
    def __getitem__(self, place: slice) -> list[Example]: ...

    def __getitem__(self, place: int | slice) -> Example | list[Example]:
        """Return one or some of them."""
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        number = range(len(self))[place]
        part = bisect_right(self._ends, number)
        return self._parts[part].example(number - (self._ends[part - 1] if part else 0))

    def __iter__(self) -> Iterator[Example]:
        """Go through them in the order of the responses."""
        for part in self._parts:
            yield from map(part.example, range(len(part.samples_B)))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """The numbers of a shard's answers."""

    tokens: Path
    prompt_ids: Sequence[str]
    prompt_B: NDArray[np.int32]
    """Which of the prompts each answer is to; their tokens are in the same order."""
    samples_B: NDArray[np.int32]
    ended_B: NDArray[np.bool_]
    labels: Labels
    teacher_B: NDArray[np.float64]
    lengths: NDArray[np.int32]
    """Tokens of each prompt and, behind them, of each answer."""

    @classmethod
    def of(cls, responses: pa.Table, labels: Labels, tokens: Path) -> _Part:
        table = read_tokens(tokens)
        prompt_ids = table.prompt_ids[: table.prompts]
        keys = [responses[name].combine_chunks() for name in ("prompt_id", "sample")]
        held = [table.prompt_ids[table.prompts :], table.samples[table.prompts :]]
        if not all(one.equals(other) for one, other in zip(keys, held, strict=True)):
            raise StageError(
                f"stage 'train': {tokens} holds the tokens of {len(held[0])} answers, or of other "
                f"ones than the {len(responses)} of its shard; wanted those of the same pool"
            )
        return cls(
            tokens=tokens,
            prompt_ids=prompt_ids.to_pylist(),
            prompt_B=_compute.index_in(keys[0], prompt_ids).to_numpy(),
            samples_B=keys[1].to_numpy().astype(np.int32),
            ended_B=_compute.equal(responses["finish"], Finish.stop.value).to_numpy(),
            labels=labels,
            teacher_B=responses["logprob_sum"].to_numpy(),
            lengths=table.lengths.astype(np.int32),
        )

    def example(self, place: int) -> Example:
        """Return one of the answers."""
        prompt, prompts = int(self.prompt_B[place]), len(self.prompt_ids)
        return Example(
            prompt_id=self.prompt_ids[prompt],
            sample=int(self.samples_B[place]),
            tokens=StoredTokens(
                path=self.tokens,
                prompt=prompt,
                answer=prompts + place,
                prompt_tokens=int(self.lengths[prompt]),
                answer_tokens=int(self.lengths[prompts + place]),
            ),
            ended=bool(self.ended_B[place]),
            weight=float(self.labels.weights_B[place]),
            right=bool(self.labels.right_B[place]),
            teacher=_known(self.teacher_B[place]),
            reference=_known(self.labels.references_B[place]),
        )


def _known(value: float) -> float | None:
    return None if isnan(value) else float(value)
