"""`advdistill pool merge`: what another outputs folder holds and this one lacks."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from advdistill.cache import writing
from advdistill.cli.pool_places import outputs_and_rest, pool_of
from advdistill.cli.showing import printable
from advdistill.errors import ConfigError, DataError
from advdistill.pool.looking import check_about, stores_below, whole_shard
from advdistill.pool.shards import shards_of
from advdistill.pool.store import open_store

_MORE = """\
FOLDER is another outputs folder, or the folder `pool` of one. A store goes to the store of its key;
an answer that is there already stays as it is. FOLDER is only read; its damaged shards are passed
over, named on standard error, and make the exit code 1.

examples:
  advdistill pool merge /mnt/other/outputs
  advdistill pool merge /mnt/other/outputs outputs=/shared/outputs
"""


def main(arguments: Sequence[str]) -> int:
    """Merge the stores; return 1 where something of the other folder is damaged.

    Raises:
        ConfigError: an argument is wrong.
        DataError: the other folder holds no stores.
        StageError: this folder cannot be written.
    """
    outputs, folders = outputs_and_rest(
        "merge", _parser().parse_intermixed_args(arguments).arguments
    )
    if len(folders) != 1:
        raise ConfigError(f"pool merge: found {len(folders)} folders; wanted one other to merge")
    source = _pool(Path(folders[0]))
    if source.resolve() == pool_of(outputs).resolve():
        raise ConfigError(f"pool merge: {source} is this folder itself; wanted another one")
    counts: Counter[str] = Counter()
    for folder in stores_below(source):
        with writing("pool merge", pool_of(outputs)):
            found = merge(folder, pool_of(outputs))
        print(f"{printable(folder.name)}  {_told(found)}")
        counts.update(found)
    print(f"{len(stores_below(source))} stores: {_told(counts)}")
    return int(bool(counts["damaged"]))


def merge(folder: Path, root: Path) -> Counter[str]:
    """Add a store's answers to that of its key below `root`; return how many were what."""
    counts: Counter[str] = Counter()
    try:
        about = check_about(folder)
    except DataError as error:
        return _damaged(error)
    with open_store(root / folder.name, about) as store:
        for path in shards_of(folder):
            try:
                rows = whole_shard(path)
            except DataError as error:
                counts.update(_damaged(error))
                continue
            added = store.add(rows)
            counts.update(answers=len(rows), added=added, there=len(rows) - added)
    return counts


def _damaged(error: DataError) -> Counter[str]:
    print(f"passed over: {printable(str(error))}", file=sys.stderr)
    return Counter(damaged=1)


def _told(counts: Counter[str]) -> str:
    more = f"; {counts['damaged']} damaged, passed over" * bool(counts["damaged"])
    return (
        f"{counts['answers']} answers = {counts['added']} added + {counts['there']} there "
        f"already{more}"
    )


def _pool(folder: Path) -> Path:
    for root in (pool_of(folder), folder):
        if any(root.glob("*/about.json")):
            return root
    raise DataError(
        f"{folder}: holds no store of answers; wanted another outputs folder, or its folder pool"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill pool merge",
        usage="advdistill pool merge FOLDER [outputs=FOLDER]",
        description="Add the answers of another outputs folder; nothing is overwritten.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("arguments", nargs="+", metavar="FOLDER", help="the other outputs folder")
    return parser
