"""Looks at stores of answers without changing anything in them, not even what is damaged."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from advdistill.digests import digest_of_file, digest_of_json
from advdistill.errors import DataError
from advdistill.pool.about import ABOUT, read_about
from advdistill.pool.shards import Stored, read_shard, shards_of


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What lies in a store, as far as it can be read."""

    answers: int
    prompts: int
    fewest: int
    """Answers to one prompt; 0 where there is none."""
    most: int
    shards: int
    unreadable: int
    """Shards that hold no table of answers; `damages` finds more."""
    size: int
    """Bytes of all its files."""


def stores_below(root: Path) -> list[Path]:
    """Return the folders in which a store lies or should lie, in the order of their names."""
    return sorted(path for path in root.glob("*") if path.is_dir())


def find_store(root: Path, name: str) -> Path:
    """Return the store with this key, the beginning of a key, or in this folder.

    Raises:
        DataError: there is none, or there are several.
    """
    if Path(name).is_dir():
        read_about(Path(name))
        return Path(name)
    keys = [path.name for path in stores_below(root)]
    found = [key for key in keys if name and key.startswith(name)]
    if len(found) == 1:
        read_about(root / found[0])
        return root / found[0]
    near = found or get_close_matches(name, keys, n=1)
    hint = f"; did you mean {' or '.join(near[:3])}?" if near else ""
    raise DataError(
        f"'{name}' names {len(found)} of the {len(keys)} stores of {root}; wanted one, by its key, "
        f"enough of its beginning, or its folder{hint}; see `advdistill pool ls`"
    )


def summary_of(folder: Path) -> Summary:
    """Return what lies in a store; its shards' bytes are not compared with their names."""
    counts: Counter[str] = Counter()
    shards, unreadable = shards_of(folder), 0
    for path in shards:
        try:
            counts.update(pq.read_table(path, columns=["key"])["key"].to_pylist())
        except (pa.ArrowException, OSError):
            unreadable += 1
    return Summary(
        answers=counts.total(),
        prompts=len(counts),
        fewest=min(counts.values(), default=0),
        most=max(counts.values(), default=0),
        shards=len(shards),
        unreadable=unreadable,
        size=size_of(folder),
    )


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    files = [path, *path.rglob("*")]
    return sum(file.stat().st_size for file in files if file.is_file())


def whole_shard(path: Path) -> list[Stored]:
    """Return the answers of a shard.

    Raises:
        DataError: it is damaged.
    """
    try:
        digest = digest_of_file(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if digest[:32] != path.stem:
        raise DataError(f"{path}: its bytes are not those that its name says")
    rows = read_shard(path)
    if len({(row.key, row.sample) for row in rows}) < len(rows):
        raise DataError(f"{path}: holds an answer twice")
    return rows


def check_about(folder: Path) -> dict[str, object]:
    """Return what a store's answers have in common, which its name stands for.

    Raises:
        DataError: it is no store, or is about other answers than its name says.
    """
    about = read_about(folder)
    if digest_of_json(about)[:32] != folder.name:
        raise DataError(f"{folder / ABOUT}: is not what the folder's name stands for")
    return about


def damages(folder: Path) -> Iterator[str]:
    """Yield what is wrong with a store: its file `about.json`, shards, answers held twice."""
    try:
        check_about(folder)
    except DataError as error:
        yield str(error)
    with closing(sqlite3.connect("", isolation_level=None)) as seen:
        seen.execute(
            "create table answers (key text, sample int, primary key (key, sample)) without rowid"
        )
        for path in shards_of(folder):
            try:
                rows = whole_shard(path)
            except DataError as error:
                yield str(error)
                continue
            fresh = seen.executemany(
                "insert or ignore into answers values (?, ?)",
                [(row.key, row.sample) for row in rows],
            )
            if fresh.rowcount < len(rows):
                twice = len(rows) - fresh.rowcount
                yield f"{path}: holds {twice} answers that other shards hold, too"


def keys_of(folder: Path, prompt: str) -> list[str]:
    """Return the keys of the prompts that go by this id or key, in order."""
    keys: set[str] = set()
    for path in shards_of(folder):
        named = [[("key", "==", prompt)], [("prompt_id", "==", prompt)]]
        keys.update(pq.read_table(path, columns=["key"], filters=named)["key"].to_pylist())
    return sorted(keys)
