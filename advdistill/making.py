"""How a stage's artefact is written: files in, a stage between, files out.

A maker is called with the draft folder and a watch, and gives back the artefact's meta: a `line`
for people, and counts. Makers pickle, so that each can run in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Protocol, TypeVar

from advdistill.errors import StageError
from advdistill.interfaces import Watch
from advdistill.records import Prompt, Split
from advdistill.tables import count_rows, read_batches, read_rows, write_rows

Meta = dict[str, object]
Row = TypeVar("Row")

SHARD_PROMPTS = 512
"""Prompts in each shard of an artefact, with all their answers, whatever the teacher's shards were:
what is read, judged, weighed and tokenised at a time."""


class Maker(Protocol):
    """Writes one artefact."""

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        """Write the files into `draft`, which may hold those of an earlier, killed call."""
        ...


def prompts_file(folder: Path, split: Split) -> Path:
    """Return where a prompts artefact keeps a split."""
    return folder / f"{split.value}.parquet"


def shard_file(folder: Path, number: int) -> Path:
    """Return where an artefact made of shards keeps one of them."""
    return folder / "shards" / f"{number:05d}.parquet"


def shard_files(folder: Path) -> list[Path]:
    """Return the shards of an artefact in order."""
    return sorted((folder / "shards").glob("*.parquet"))


def read_shards(folder: Path, record: type[Row]) -> list[Row]:
    """Return every row of an artefact made of shards."""
    return [row for file in shard_files(folder) for row in read_rows(file, record)]


def read_prompts(folder: Path, split: Split) -> list[Prompt]:
    """Return a split of a prompts artefact."""
    return read_rows(prompts_file(folder, split), Prompt)


def stream_prompts(folder: Path, split: Split) -> Iterator[Prompt]:
    """Yield a split of a prompts artefact, a part of it in memory at a time."""
    return chain.from_iterable(read_batches(prompts_file(folder, split), Prompt))


def count_prompts(folder: Path, split: Split) -> int:
    """Return the number of prompts of a split."""
    return count_rows(prompts_file(folder, split))


def batched(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Yield the rows in lists of this size; the last may be shorter, and one of none is empty."""
    rest = iter(rows)
    batch = list(islice(rest, size))
    yield batch
    while batch := list(islice(rest, size)):
        yield batch


def write_prompts(folder: Path, split: Split, prompts: Sequence[Prompt]) -> None:
    """Write a split so that a few of its prompts can be read at a time."""
    write_rows(prompts_file(folder, split), Prompt, batched(prompts, SHARD_PROMPTS))


class PromptsInStep:
    """The training prompts, read forwards beside the shards of what was made of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._batches = read_batches(prompts_file(folder, Split.train), Prompt)
        self._last: dict[str, Prompt] = {}

    def of(self, prompt_ids: Iterable[str]) -> dict[str, Prompt]:
        """Return these prompts by their ids; later calls ask for the same or for later ones.

        Raises:
            StageError: one of them is not there, or lies before those asked for earlier.
        """
        wanted = dict.fromkeys(prompt_ids)
        found = {name: self._last[name] for name in wanted if name in self._last}
        while len(found) < len(wanted):
            batch = next(self._batches, None)
            if batch is None:
                lost = next(name for name in wanted if name not in found)
                raise StageError(
                    f"the pool answers '{lost}', which is not among the training prompts of "
                    f"{self._folder}, or not in their order; wanted the pool of these prompts; "
                    "delete both and give the same command again"
                )
            self._last = {prompt.prompt_id: prompt for prompt in batch}
            found |= {name: self._last[name] for name in wanted if name in self._last}
        return found
