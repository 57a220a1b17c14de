"""`advdistill sweep`: the ledgers of multiruns; finds the verb and hands on to its module."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module

from advdistill.cli.verbs import known_verb

VERBS = {
    "status": "list the sweeps, or the cells of one: done, running, failed, planned",
    "why": "say why cells of a sweep failed, attempt by attempt",
    "cost": "say what a sweep took by stage, and what its cells saved by sharing",
    "resume": "give the command of a sweep again: it runs what is missing or failed",
}
"""Each is a module `sweep_<verb>` in this package, imported when it is asked for."""

_MORE = f"""\
{chr(10).join(f"  {name:<7} {what}" for name, what in VERBS.items())}

SWEEP is a folder, or NAME or NAME/HASH below FOLDER/sweeps, where FOLDER is `outputs` or what
`outputs=FOLDER` names. A NAME alone is its sweep that was begun last.

examples:
  advdistill sweep status
  advdistill sweep status gsm8k_qwen
  advdistill sweep why gsm8k_qwen/3f9c0a51b2d4
  advdistill sweep cost gsm8k_qwen outputs=/shared/outputs
  advdistill sweep resume gsm8k_qwen
"""


def main(arguments: Sequence[str]) -> int:
    """Return the exit code of the verb.

    Raises:
        AdvDistillError: as the verb says.
    """
    verb, *rest = arguments or ["--help"]
    if verb in ("--help", "-h", "help"):
        _parser().parse_args(["--help"])
    return import_module(f"advdistill.cli.sweep_{known_verb(verb, VERBS, of='sweep')}").main(rest)


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="advdistill sweep",
        usage="advdistill sweep VERB ...",
        description="Look at multiruns, and go on with them.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
