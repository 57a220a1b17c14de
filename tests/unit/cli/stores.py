"""Small stores of answers in an outputs folder, and the settings whose teacher they belong to."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from advdistill.cli.pool_settings import Asked, asked_of
from advdistill.pool.looking import stores_below
from advdistill.pool.shards import Stored, stored
from advdistill.pool.store import open_store, read_store
from tests.builders import response

SETTINGS = ("+experiment=quickstart_small",)


def settings(outputs: Path, *more: str) -> list[str]:
    """Return the settings of a run that leaves its outputs there."""
    return [*SETTINGS, f"outputs={outputs}", *more]


def filled(outputs: Path, samples: Sequence[int] = (0, 1), *more: str, shards: int = 2) -> Path:
    """Return a store of the quickstart's teacher, whose answers to six prompts are made up."""
    asked = replace(_asked(*more), outputs=outputs)
    [(member, _)] = asked.teacher.members
    folder, about = asked.store(member)
    questions = asked.questions()[:6]
    with open_store(folder, about) as store:
        for shard in range(shards):
            store.add(
                [
                    stored(one, response(one.prompt.prompt_id, sample, text=f"#### {sample}\n"))
                    for one in questions[shard::shards]
                    for sample in samples
                ]
            )
    return folder


@cache
def _asked(*more: str) -> Asked:
    return asked_of("fill", [*SETTINGS, *more])


def rows_in(folder: Path) -> list[Stored]:
    """Return every answer of a store by key and sample."""
    with read_store(folder) as store:
        rows = [row for group in store.groups() for row in group]
    return sorted(rows, key=lambda row: (row.key, row.sample))


def only_store(outputs: Path) -> Path:
    """Return the one store of an outputs folder."""
    [folder] = stores_below(outputs / "pool")
    return folder


def damage(folder: Path) -> Path:
    """Turn one byte of a store's first shard over and return the shard."""
    shard = sorted(folder.glob("*.parquet"))[0]
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    return shard


def write(path: Path, rows: Iterable[object]) -> Path:
    """Write rows as JSON Lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def state(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
