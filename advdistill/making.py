"""How a stage's artefact is written: files in, a stage between, files out.

A maker is called with the draft folder and a watch, and gives back the artefact's meta: a `line`
for people, and counts. Makers pickle, so that each can run in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Protocol, TypeVar

from advdistill.interfaces import Watch
from advdistill.records import Prompt, Response, Reward, Split
from advdistill.tables import count_rows, read_batches, read_rows

Meta = dict[str, object]
Row = TypeVar("Row")

SHARD_PROMPTS = 512
"""Prompts in each file of a responses artefact, whatever the teacher's shards were."""
REWARDS = "rewards.parquet"
WEIGHTS = "weights.parquet"
REFERENCES = "references.parquet"


class Maker(Protocol):
    """Writes one artefact."""

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        """Write the files into `draft`, which may hold those of an earlier, killed call."""
        ...


def prompts_file(folder: Path, split: Split) -> Path:
    """Return where a prompts artefact keeps a split."""
    return folder / f"{split.value}.parquet"


def shard_file(folder: Path, number: int) -> Path:
    """Return where a responses artefact keeps a shard."""
    return folder / "shards" / f"{number:05d}.parquet"


def shard_files(folder: Path) -> list[Path]:
    """Return the shards of a responses artefact in order."""
    return sorted((folder / "shards").glob("*.parquet"))


def read_prompts(folder: Path, split: Split) -> list[Prompt]:
    """Return a split of a prompts artefact."""
    return read_rows(prompts_file(folder, split), Prompt)


def stream_prompts(folder: Path, split: Split) -> Iterator[Prompt]:
    """Yield a split of a prompts artefact, a part of it in memory at a time."""
    return chain.from_iterable(read_batches(prompts_file(folder, split), Prompt))


def count_prompts(folder: Path, split: Split) -> int:
    """Return the number of prompts of a split."""
    return count_rows(prompts_file(folder, split))


def read_responses(folder: Path) -> list[Response]:
    """Return the whole pool of a responses artefact."""
    return [row for file in shard_files(folder) for row in read_rows(file, Response)]


def batched(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Yield the rows in lists of this size; the last may be shorter, and one of none is empty."""
    rest = iter(rows)
    batch = list(islice(rest, size))
    yield batch
    while batch := list(islice(rest, size)):
        yield batch


def read_rewards(folder: Path) -> list[Reward]:
    """Return the rows of every rule of a rewards artefact."""
    return read_rows(folder / REWARDS, Reward)
