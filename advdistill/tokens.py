"""Token ids of a pool on the disk, a file per shard, read through memory maps.

A file holds a row per prompt, whose `sample` is null, and behind them one per answer, in the order
of the responses. What is mapped is read where it lies: an answer that is not asked for costs
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from advdistill.errors import DataError
from advdistill.tables import settle

_SCHEMA = pa.schema(
    [
        pa.field("prompt_id", pa.string(), nullable=False),
        pa.field("sample", pa.int64()),
        pa.field("ids", pa.large_list(pa.int32()), nullable=False),
    ]
)
_OPEN = 16
"""Files that are mapped at a time, as training jumps from one to another."""


def tokens_file(folder: Path, number: int) -> Path:
    """Return where an artefact of token ids keeps a shard."""
    return folder / "shards" / f"{number:05d}.arrow"


@dataclass(frozen=True, kw_only=True)
class Tokenised:
    """The token ids of a shard."""

    prompt_ids: Sequence[str]
    prompts: Sequence[Sequence[int]]
    answered: Sequence[str]
    """The prompt's id for each answer."""
    samples: Sequence[int]
    answers: Sequence[Sequence[int]]

    def write(self, path: Path) -> None:
        """Write them whole or not at all."""
        lengths = np.fromiter(map(len, chain(self.prompts, self.answers)), np.int64)
        ids = np.fromiter(chain.from_iterable(chain(self.prompts, self.answers)), np.int32)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        columns = [
            pa.array([*self.prompt_ids, *self.answered], pa.string()),
            pa.array([*([None] * len(self.prompt_ids)), *self.samples], pa.int64()),
            pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(ids, pa.int32())),
        ]
        draft = path.with_name(path.name + ".tmp")
        with pa.OSFile(str(draft), "wb") as file, pa.ipc.new_file(file, _SCHEMA) as writer:
            writer.write_batch(pa.record_batch(columns, schema=_SCHEMA))
        settle(draft, path)


@dataclass(frozen=True, eq=False)
class TokenTable:
    """A shard's file, mapped."""

    prompt_ids: pa.Array
    samples: pa.Array
    offsets: NDArray[np.int64]
    ids: NDArray[np.int32]

    @property
    def prompts(self) -> int:
        """How many rows are prompts; they come first."""
        return self.samples.null_count

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each row."""
        return np.diff(self.offsets)

    def row(self, number: int) -> NDArray[np.int32]:
        """Return the ids of a row."""
        return self.ids[self.offsets[number] : self.offsets[number + 1]]


def read_tokens(path: Path) -> TokenTable:
    """Return a file that `Tokenised.write` wrote.

    Raises:
        DataError: it cannot be read or has another schema.
    """
    try:
        with pa.memory_map(str(path)) as file:
            reader = pa.ipc.open_file(file)
            if not reader.schema.equals(_SCHEMA):
                raise DataError(f"{path}: has other columns than {_SCHEMA.names}; delete it")
            batch = reader.get_batch(0)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: no whole Arrow file ({error}); delete it") from error
    prompt_ids, samples, lists = batch.columns
    return TokenTable(prompt_ids, samples, lists.offsets.to_numpy(), lists.values.to_numpy())


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTokens:
    """A prompt and an answer that lie in a file."""

    path: Path
    prompt: int
    """The row of the prompt."""
    answer: int
    prompt_tokens: int
    answer_tokens: int

    def read(self) -> NDArray[np.int32]:
        """Return the ids of the prompt and, behind them, of the answer."""
        table = _mapped(self.path)
        return np.concatenate([table.row(self.prompt), table.row(self.answer)])


_mapped = lru_cache(maxsize=_OPEN)(read_tokens)
