"""`advdistill pool`: the stores of answers; finds the verb and hands on to its module."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module

from advdistill.cli.verbs import known_verb

VERBS = {
    "ls": "list the stores: whose answers they hold, how many, on how much disk",
    "show": "look at one store, and at some of its answers",
    "verify": "check every shard of every store, or of those that are named",
    "merge": "add what another outputs folder holds and this one lacks",
    "export": "write the answers of a store to a file",
    "import": "put the answers of a file into the store of a configuration's teacher",
    "fill": "ask a configuration's teacher for what its store lacks, and make nothing of it",
    "gc": "remove leftovers, and stores that no run uses",
}
"""Each is a module `pool_<verb>` in this package, imported when it is asked for."""

_MORE = f"""\
{chr(10).join(f"  {name:<7} {what}" for name, what in VERBS.items())}

The stores lie in FOLDER/pool, where FOLDER is `outputs` or what `outputs=FOLDER` names.
`advdistill pool VERB --help` says more.

examples:
  advdistill pool ls
  advdistill pool export 3f9c -o answers.parquet --format parquet
  advdistill pool import answers.jsonl --format jsonl +experiment=gsm8k_qwen
  advdistill pool fill +experiment=gsm8k_qwen outputs=/shared/outputs
  advdistill pool merge /mnt/other/outputs
"""


def main(arguments: Sequence[str]) -> int:
    """Return the exit code of the verb.

    Raises:
        AdvDistillError: as the verb says.
    """
    verb, *rest = arguments or ["--help"]
    if verb in ("--help", "-h", "help"):
        _parser().parse_args(["--help"])
    return import_module(f"advdistill.cli.pool_{known_verb(verb, VERBS, of='pool')}").main(rest)


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="advdistill pool",
        usage="advdistill pool VERB ...",
        description="Look at the stores of teachers' answers, fill them, move them, tidy them up.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
