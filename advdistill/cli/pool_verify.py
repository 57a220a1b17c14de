"""`advdistill pool verify`: every shard's bytes, columns and answers; nothing is changed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from advdistill.cli.pool_places import outputs_and_rest, pool_of, told
from advdistill.cli.showing import printable
from advdistill.pool.looking import damages, find_store, stores_below, summary_of

_MORE = """\
The exit code is 1 when anything is damaged; each damage is a line on standard error. A run that
uses the store puts a damaged shard aside (`.broken`) and asks for its answers again.

examples:
  advdistill pool verify
  advdistill pool verify 3f9c 71d0 outputs=/shared/outputs
"""


def main(arguments: Sequence[str]) -> int:
    """Check the stores; return 1 where one is damaged.

    Raises:
        ConfigError: a setting is wrong.
        DataError: there is no such store.
    """
    outputs, names = outputs_and_rest(
        "verify", _parser().parse_intermixed_args(arguments).arguments
    )
    root = pool_of(outputs)
    stores = [find_store(root, name) for name in names] if names else stores_below(root)
    damaged = 0
    for folder in stores:
        found = list(damages(folder))
        damaged += bool(found)
        state = f"{len(found)} DAMAGES" if found else "whole"
        aside = len(list(folder.glob("*.broken")))
        kept = f", {aside} put aside earlier" * bool(aside)
        print(f"{printable(folder.name)}  {state}: {told(summary_of(folder))}{kept}")
        for one in found:
            print(printable(one), file=sys.stderr)
    print(f"{len(stores)} stores = {len(stores) - damaged} whole + {damaged} damaged")
    return int(bool(damaged))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill pool verify",
        usage="advdistill pool verify [STORE ...] [outputs=FOLDER]",
        description="Check stores of answers; nothing is changed.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "arguments", nargs="*", metavar="STORE", help="keys, or enough of them; all without"
    )
    return parser
