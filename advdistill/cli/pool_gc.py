"""`advdistill pool gc`: what serves nothing is listed, and removed when that is asked for."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from advdistill.cache import writing
from advdistill.cli.pool_places import amount, outputs_and_rest, pool_of, used_stores
from advdistill.cli.showing import printable
from advdistill.errors import ConfigError
from advdistill.pool.leftovers import Doomed, is_busy, is_held, leftovers, remove, whole_store
from advdistill.pool.looking import stores_below

_MORE = """\
Without --yes nothing is removed. Drafts and claims are leftovers of processes that were killed;
what a living process holds stays. With --unused, a store goes whose answers no finished pool below
FOLDER/cache/sample holds, also one that was filled or imported and has not been used yet; not while
a run makes a pool of answers.

examples:
  advdistill pool gc
  advdistill pool gc --unused --broken --yes outputs=/shared/outputs
"""


def main(arguments: Sequence[str]) -> int:
    """List what can go, or remove it; return 0.

    Raises:
        ConfigError: an argument is wrong, or stores are being filled.
        DataError: it cannot be said which stores are used.
        StageError: something cannot be removed.
    """
    options = _parser().parse_intermixed_args(arguments)
    outputs, rest = outputs_and_rest("gc", options.arguments)
    if rest:
        raise ConfigError(f"pool gc: unknown argument '{rest[0]}'; wanted outputs=FOLDER at most")
    doomed = list(_doomed(outputs, unused=options.unused, broken=options.broken))
    left, size = 0, 0
    for one in doomed:
        with writing("pool gc", pool_of(outputs)):
            gone = remove(one) if options.yes else True
        left, size = left + (not gone), size + one.size * gone
        state = "" if gone else ": stays, a process has come to use it"
        print(printable(f"{one.kind.value:<7} {amount(one.size):>8}  {one.path}{state}"))
    done = "removed" if options.yes else "to be removed by --yes"
    print(f"{len(doomed)} found = {len(doomed) - left} {done} ({amount(size)}) + {left} that stay")
    return 0


def _doomed(outputs: Path, *, unused: bool, broken: bool) -> Iterator[Doomed]:
    used = _used(outputs) if unused else set()
    for folder in stores_below(pool_of(outputs)):
        if unused and folder.name not in used and not is_busy(folder):
            yield whole_store(folder)
        else:
            yield from leftovers(folder, broken=broken)


def _used(outputs: Path) -> set[str]:
    for lock in (outputs / "cache" / "sample").glob("*.lock"):
        if is_held(lock):
            raise ConfigError(
                f"pool gc: a run holds {lock} and makes a pool of answers, whose stores nothing "
                "names yet; wanted none at work for --unused; wait for it, or leave out --unused"
            )
    return used_stores(outputs)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill pool gc",
        usage="advdistill pool gc [--unused] [--broken] [--yes] [outputs=FOLDER]",
        description="List or remove what serves nothing.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("arguments", nargs="*", metavar="outputs=FOLDER", help="instead of outputs")
    parser.add_argument("--unused", action="store_true", help="stores that no finished pool uses")
    parser.add_argument("--broken", action="store_true", help="damaged shards that were put aside")
    parser.add_argument("--yes", action="store_true", help="remove what is listed")
    return parser
