"""`advdistill pool ls`: a line for every store."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from advdistill.cli.pool_places import outputs_and_rest, pool_of, spelt, told, used_stores
from advdistill.cli.showing import printable
from advdistill.errors import ConfigError, DataError
from advdistill.pool.about import read_about
from advdistill.pool.looking import stores_below, summary_of

_MORE = """\
A store is `used` when a finished pool of answers below FOLDER/cache/sample was made of it. Shards
are not checked; `advdistill pool verify` does that.

examples:
  advdistill pool ls
  advdistill pool ls outputs=/shared/outputs
"""


def main(arguments: Sequence[str]) -> int:
    """List the stores; return 0.

    Raises:
        ConfigError: an argument is wrong.
        DataError: it cannot be said which stores are used.
    """
    outputs, rest = outputs_and_rest("ls", _parser().parse_intermixed_args(arguments).arguments)
    if rest:
        raise ConfigError(f"pool ls: unknown argument '{rest[0]}'; wanted outputs=FOLDER at most")
    used = used_stores(outputs)
    stores = stores_below(pool_of(outputs))
    for folder in stores:
        print(f"{printable(folder.name)}  {_line(folder, used)}")
    print(f"{len(stores)} stores in {printable(str(pool_of(outputs)))}")
    return 0


def _line(folder: Path, used: set[str]) -> str:
    try:
        about = read_about(folder)
    except DataError:
        return "(no store: about.json is missing or damaged)"
    usage = "used" if folder.name in used else "unused"
    return f"{spelt(about)}: {told(summary_of(folder))}, {usage}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill pool ls",
        usage="advdistill pool ls [outputs=FOLDER]",
        description="List the stores of answers.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("arguments", nargs="*", metavar="outputs=FOLDER", help="instead of outputs")
    return parser
