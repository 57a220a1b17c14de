"""One answer in a store, and its shards: files that have the digest of their bytes as name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from advdistill.digests import digest_of_file
from advdistill.pool.keys import Question
from advdistill.records import Finish, Response
from advdistill.tables import read_rows, schema_of, settle, write_rows

DRAFTS = "*.draft*"
"""What a process leaves that is killed while it writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One answer in a store."""

    key: str
    """Of its prompt, see `keys`."""
    sample: int
    asked: str
    """The chat messages, as JSON."""
    prompt_id: str
    """The id that the prompt had when it was asked."""
    text: str
    tokens: int | None
    finish: Finish
    logprob_sum: float | None
    logprob_mean: float | None
    teacher: str

    def response(self, prompt_id: str, sample: int) -> Response:
        """Return it as an answer to a prompt of this id."""
        return Response(
            prompt_id=prompt_id,
            sample=sample,
            text=self.text,
            tokens=self.tokens,
            finish=self.finish,
            logprob_sum=self.logprob_sum,
            logprob_mean=self.logprob_mean,
            teacher=self.teacher,
        )


def stored(question: Question, response: Response) -> Stored:
    """Return an answer as a store keeps it."""
    return Stored(
        key=question.key,
        sample=response.sample,
        asked=question.asked,
        prompt_id=response.prompt_id,
        text=response.text,
        tokens=response.tokens,
        finish=response.finish,
        logprob_sum=response.logprob_sum,
        logprob_mean=response.logprob_mean,
        teacher=response.teacher,
    )


def shards_of(folder: Path) -> list[Path]:
    """Return the shards of a store in the order of their names."""
    return sorted(folder.glob("*.parquet"))


def is_whole(path: Path) -> bool:
    """Return whether a shard's bytes are those that its name says."""
    return digest_of_file(path)[:32] == path.stem and pq.read_schema(path).equals(schema_of(Stored))


def read_shard(path: Path) -> list[Stored]:
    """Return the answers of a shard.

    Raises:
        DataError: it is damaged.
    """
    return read_rows(path, Stored)


def write_shard(folder: Path, rows: Sequence[Stored]) -> Path:
    """Write the answers as a shard and return where; it is there whole or not at all."""
    draft = folder / "shard.draft"
    write_rows(draft, Stored, [rows])
    path = folder / f"{digest_of_file(draft)[:32]}.parquet"
    settle(draft, path)
    _sync_folder(folder)
    return path


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
