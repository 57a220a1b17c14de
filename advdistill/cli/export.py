"""`advdistill export`: the model of a finished run, its card and what replays it, in a folder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from advdistill.cli.showing import printable
from advdistill.compare.runs import read_run
from advdistill.export.bundle import export

_MORE = """\
The folder holds the model and tokenizer as transformers loads them, README.md (a model card with
scores, data and limits; its licence is for you to settle), and replay/ (configuration, digests,
versions, and the command that makes the run again). It appears when it is whole.

examples:
  advdistill export outputs/runs/quickstart/2026-01-31_12-00-00 -o my-student
"""


def main(arguments: Sequence[str]) -> int:
    """Write the folder; return 0.

    Raises:
        ConfigError: there is something at that place already.
        DataError: it is no finished run, or a file of its model is gone or was changed.
    """
    options = _parser().parse_args(arguments)
    folder = export(read_run(Path(options.run)), Path(options.output))
    print(printable(f"The model, its card and its replay are in {folder}."))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill export",
        usage="advdistill export RUN -o FOLDER",
        description="Write the model of a finished run with its card and what replays it.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", metavar="RUN", help="a folder of outputs/runs")
    parser.add_argument("-o", "--output", metavar="FOLDER", required=True, help="to be made")
    return parser
