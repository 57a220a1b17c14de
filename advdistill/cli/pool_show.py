"""`advdistill pool show`: what a store is about, what its answers are like, and some of them."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from advdistill.cli.judge import positive
from advdistill.cli.pool_places import outputs_and_rest, pool_of, told
from advdistill.cli.showing import printable, short
from advdistill.errors import ConfigError, DataError
from advdistill.interfaces import EVERY
from advdistill.pool.about import read_about
from advdistill.pool.looking import find_store, keys_of, summary_of
from advdistill.pool.shards import Stored, shards_of
from advdistill.pool.store import Store, read_store
from advdistill.records import Finish

_SHOWN = 4000
"""Characters of a text; a longer one is cut in the middle."""

_MORE = """\
Every character of a text that is not shown as itself is written as its escape.

examples:
  advdistill pool show 3f9c
  advdistill pool show 3f9c --prompt gsm8k/train/00012 --limit 8
"""


def main(arguments: Sequence[str]) -> int:
    """Show the store; return 0.

    Raises:
        ConfigError: a setting is wrong.
        DataError: there is no such store, or no such prompt in it.
    """
    options = _parser().parse_intermixed_args(arguments)
    outputs, names = outputs_and_rest("show", options.arguments)
    if len(names) != 1:
        raise ConfigError(f"pool show: found {len(names)} stores; wanted one; see `pool ls`")
    folder = find_store(pool_of(outputs), names[0])
    with read_store(folder) as store:
        for line in chain(_head(folder, store), _answers(store, options.prompt, options.limit)):
            print(line)
    return 0


def _head(folder: Path, store: Store) -> Iterator[str]:
    yield printable(str(folder))
    about = json.dumps(read_about(folder), indent=1, ensure_ascii=False)
    yield from map(printable, about.splitlines())
    yield told(summary_of(folder))
    finishes: Counter[str] = Counter()
    tokens: list[int] = []
    for path in shards_of(folder):
        if path.stem in store.shards:
            table = pq.read_table(path, columns=["finish", "tokens"])
            finishes.update(table["finish"].to_pylist())
            tokens.extend(table["tokens"].drop_null().to_pylist())
    parts = " + ".join(f"{finishes[finish]} {finish.value}" for finish in Finish)
    yield f"{finishes.total()} answers = {parts}"
    if tokens:
        least, middle, high, most = np.percentile(tokens, [0, 50, 95, 100])
        yield (
            f"tokens: {sum(tokens)} in {len(tokens)} answers, mean {np.mean(tokens):.1f}, "
            f"least {least:.0f}, median {middle:.0f}, 95 % {high:.0f}, most {most:.0f}"
        )


def _answers(store: Store, prompt: str | None, limit: int) -> Iterator[str]:
    groups = store.groups() if prompt is None else _of(store, prompt)
    rows = chain.from_iterable(groups)
    before = None
    for row in islice(rows, limit):
        if row.key != before:
            yield from _prompt(row)
            before = row.key
        tokens = "?" if row.tokens is None else row.tokens
        yield f"--- answer {row.sample}: {row.finish.value}, {tokens} tokens"
        yield from _text(row.text)


def _of(store: Store, prompt: str) -> list[list[Stored]]:
    keys = keys_of(store.folder, prompt)
    if not keys:
        raise DataError(
            f"{store.folder}: holds no answer to '{prompt}'; wanted the id or the key of a prompt "
            "of this store; leave out --prompt to see some"
        )
    return store.rows([(key, EVERY) for key in keys])


def _prompt(row: Stored) -> Iterator[str]:
    yield f"=== {printable(row.prompt_id)} (key {row.key}), asked by {printable(row.teacher)}"
    for message in json.loads(row.asked):
        yield f"[{printable(str(message['role']))}]"
        yield from _text(str(message["content"]))


def _text(text: str) -> Iterator[str]:
    shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}\n…\n{text[-_SHOWN // 2 :]}"
    return (short(line, _SHOWN) for line in shown.split("\n"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill pool show",
        usage="advdistill pool show STORE [--prompt ID] [--limit N] [outputs=FOLDER]",
        description="Look at a store of answers.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("arguments", nargs="+", metavar="STORE", help="its key, or enough of it")
    parser.add_argument("--prompt", metavar="ID", help="only answers to this one, by id or key")
    parser.add_argument("--limit", type=positive, metavar="N", default=3, help="answers shown (3)")
    return parser
