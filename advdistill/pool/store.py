"""One store of answers: shards that are only ever added, each named by the digest of its bytes.

<root>/<key>/about.json             what all its answers have in common
<root>/<key>/<digest>.parquet       a shard; giving it this name, after a sync, is what registers it
<root>/<key>/<digest>.broken        one whose bytes are not those of its name, kept aside
<root>/<key>/register.lock          held while a shard is added
<root>/<key>/claims/                held by whoever asks for the answers of a shard

No clock has a say. Several processes, on one machine or on several that share the folder, may add
to a store; an answer that is there already is not added again.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from advdistill.errors import StageError
from advdistill.interfaces import EVERY
from advdistill.pool.about import write_about
from advdistill.pool.shards import DRAFTS, Stored, is_whole, shards_of, write_shard
from advdistill.tables import to_rows

logger = logging.getLogger(__name__)

_KEPT_TABLES = 16
"""Shards that stay in memory, since the answers of neighbours are asked for together."""
_GROUPS = 64
"""Prompts whose answers are read at once where all are read."""


@contextmanager
def open_store(folder: Path, about: Mapping[str, object]) -> Iterator[Store]:
    """Give the store that lies in the folder; one that is not there yet is begun.

    Raises:
        DataError: what lies there has other things in common.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "register.lock"):
        write_about(folder, about)
    with closing(sqlite3.connect("", isolation_level=None)) as index:  # a file that goes with it
        store = Store(folder=folder, index=index)
        store.refresh()
        yield store


@contextmanager
def read_store(folder: Path) -> Iterator[Store]:
    """Give the store that lies in the folder, to be read alone.

    Nothing in it is changed: shards that are damaged are left out, and stay where they are.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as index:
        store = Store(folder=folder, index=index)
        store.look()
        yield store


@dataclass(kw_only=True, eq=False)
class Store:
    """An open store; `open_store` makes it."""

    folder: Path
    index: sqlite3.Connection
    """Where each answer lies: key, sample, shard, row."""
    shards: set[str] = field(default_factory=set)
    """The names of those that are indexed."""
    added: int = 0
    """Answers that have been added through this one."""
    tables: dict[str, pa.Table] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.index.execute(
            "create table answers (key text, sample int, shard text, row int, "
            "primary key (key, sample)) without rowid"
        )

    def refresh(self) -> None:
        """Take notice of the shards that have been added since, by whomever."""
        for path in shards_of(self.folder):
            if path.stem not in self.shards and _whole(path):
                self._take(path)

    def look(self) -> None:
        """Take notice of the shards that are whole, and say which are not."""
        for path in shards_of(self.folder):
            if is_whole(path):
                self._take(path)
            else:
                logger.warning("%s: its bytes are not those that its name says; left out", path)

    def samples(self, key: str) -> list[int]:
        """Return the numbers of the answers to a prompt that are there, in order."""
        found = self.index.execute("select sample from answers where key = ? order by 1", [key])
        return [sample for (sample,) in found]

    def rows(self, wanted: Sequence[tuple[str, range]]) -> list[list[Stored]]:
        """Return the answers to each prompt with these numbers, in order, as far as they are there.

        What lies in one shard is taken at once.
        """
        places = [self._places(key, samples) for key, samples in wanted]
        by_shard: dict[str, list[int]] = {}
        for shard, row in chain.from_iterable(places):
            by_shard.setdefault(shard, []).append(row)
        found = {
            shard: iter(to_rows(Stored, self._table(shard).take(rows)))
            for shard, rows in by_shard.items()
        }
        return [[next(found[shard]) for shard, _ in group] for group in places]

    def groups(self) -> Iterator[list[Stored]]:
        """Yield the answers to each prompt in the order of samples.

        Prompts whose first answers lie in one shard follow each other, so that it is read once.
        """
        # sqlite takes shard and row from the row of the least sample
        keys = self.index.execute(
            "select key, shard, row, min(sample) from answers group by key order by shard, row"
        )
        while part := keys.fetchmany(_GROUPS):
            yield from self.rows([(key, EVERY) for key, *_ in part])

    def count(self) -> int:
        """Return the number of answers."""
        return self.index.execute("select count(*) from answers").fetchone()[0]

    def add(self, rows: Sequence[Stored]) -> int:
        """Add the answers as one shard and return how many were not there yet.

        After a kill at any moment, either all of them are there or none is.
        """
        with FileLock(self.folder / "register.lock"):
            self.refresh()
            for torn in self.folder.glob(DRAFTS):  # of a process that was killed
                torn.unlink()
            fresh = [row for row in rows if not self._has(row)]
            if fresh:
                self._take(write_shard(self.folder, fresh))
                self.added += len(fresh)
        return len(fresh)

    @contextmanager
    def claim(self, name: str) -> Iterator[bool]:
        """Say whether nobody else is asking for what goes by this name; hold it meanwhile."""
        folder = self.folder / "claims"
        folder.mkdir(exist_ok=True)
        lock = FileLock(folder / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()

    def _places(self, key: str, samples: range) -> list[tuple[str, int]]:
        """Return shard and row of each answer, in the order of their numbers."""
        return self.index.execute(
            "select shard, row from answers where key = ? and sample >= ? and sample < ? "
            "order by sample",
            [key, samples.start, samples.stop],
        ).fetchall()

    def _has(self, row: Stored) -> bool:
        found = self.index.execute(
            "select 1 from answers where key = ? and sample = ?", [row.key, row.sample]
        )
        return found.fetchone() is not None

    def _take(self, path: Path) -> None:
        """Index a shard.

        Raises:
            StageError: it holds an answer that another one holds.
        """
        table = pq.read_table(path, columns=["key", "sample"])
        keys, samples = table["key"].to_pylist(), table["sample"].to_pylist()
        places = zip(keys, samples, repeat(path.stem), range(len(keys)), strict=False)
        try:
            self.index.execute("begin")
            self.index.executemany("insert into answers values (?, ?, ?, ?)", places)
            self.index.execute("commit")
        except sqlite3.IntegrityError as error:
            self.index.execute("rollback")
            raise StageError(
                f"{path}: holds an answer that another shard of this store holds, too; wanted each "
                "once; see `advdistill pool verify`, and move one of the two away"
            ) from error
        self.shards.add(path.stem)

    def _table(self, shard: str) -> pa.Table:
        if shard not in self.tables:
            if len(self.tables) == _KEPT_TABLES:
                del self.tables[next(iter(self.tables))]
            self.tables[shard] = pq.read_table(self.folder / f"{shard}.parquet")
        return self.tables[shard]


def _whole(path: Path) -> bool:
    """Return whether a shard is whole; others are put aside."""
    if is_whole(path):
        return True
    aside = path.with_suffix(".broken")
    path.replace(aside)
    logger.warning(
        "%s: its bytes are not those that its name says; kept as %s, and its answers are asked "
        "for again",
        *(path, aside.name),
    )
    return False
