"""`advdistill compare`: what finished runs allow to be said of checkpoints and of arms."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from advdistill.cli.compare_text import latex, markdown, screen
from advdistill.cli.comparing import add_question, compared
from advdistill.cli.lines import writing_text
from advdistill.compare.claims import Comparison
from advdistill.telling_comparison import tell_comparison
from advdistill.tracked_groups import group_at

_MORE = """\
Two questions, never mixed. Do two checkpoints differ: exact McNemar on the same items. Do two arms
differ: the unit is the seed, at least 3 of each. docs/comparing.md has the formulas. Every
comparison is recorded as a look at its test items, in outputs/looks.

examples:
  advdistill compare outputs/sweeps/quickstart/0123456789ab
  advdistill compare RUN RUN --against uniform
  advdistill compare SWEEP --json comparison.json --markdown -o comparison.md
"""


def main(arguments: Sequence[str]) -> int:
    """Show or write the comparison; return 0.

    Raises:
        ConfigError: the question does not fit the runs.
        DataError: a folder holds no finished run, or something cannot be written.
    """
    options = _parser().parse_args(arguments)
    comparison, _ = compared(options, metric=options.metric)
    text = _text(comparison, options)
    if options.json is not None:
        with writing_text(options.json) as output:
            json.dump(asdict(comparison), output, indent=1, ensure_ascii=False)
            output.write("\n")
    with writing_text(options.output) as output:
        output.write(text)
    if options.wandb:
        where = track(comparison, Path(options.folders[0]))
        print(f"\nW&B       {where or 'nothing: it is disabled'}")
    return 0


def track(comparison: Comparison, folder: Path) -> str | None:
    """Track the comparison in the group of a folder; return where it is.

    Raises:
        DataError: the folder's runs are not tracked by W&B.
    """
    group = group_at(folder)
    return tell_comparison(comparison, group.tracking, group=group.name, outputs=group.outputs)


def _text(comparison: Comparison, options: argparse.Namespace) -> str:
    if options.markdown:
        return markdown(comparison, checkpoints=options.checkpoints)
    if options.latex:
        return latex(comparison, checkpoints=options.checkpoints)
    width = None if sys.stdout.isatty() and options.output is None else 160
    return screen(comparison, width=width, checkpoints=options.checkpoints)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill compare",
        description="Say what finished runs show, and what they do not.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_question(parser)
    parser.add_argument("--metric", default="accuracy", help="accuracy, pass@K or maj@K (accuracy)")
    parser.add_argument("--checkpoints", action="store_true", help="list every pair of checkpoints")
    parser.add_argument("--json", metavar="FILE", help="write everything found there, too")
    parser.add_argument("--wandb", action="store_true", help="track it, in the first one's group")
    parser.add_argument("-o", "--output", metavar="FILE", help="instead of the screen")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="Markdown instead of plain text")
    form.add_argument("--latex", action="store_true", help="LaTeX tables instead of plain text")
    return parser
