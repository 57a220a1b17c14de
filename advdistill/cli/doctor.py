"""`advdistill doctor`: every known fault looked for, each with its remedy."""

from __future__ import annotations

import argparse
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

from advdistill.cli.composing import overrides_and_rest
from advdistill.cli.grid import cells_of
from advdistill.cli.lines import writing_text
from advdistill.cli.run import settle_environment
from advdistill.cli.showing import short
from advdistill.doctor.checks import examine
from advdistill.doctor.finding import FAILING, Finding, Health
from advdistill.doctor.subject import Machine, Subject
from advdistill.errors import ConfigError

_MORE = """\
Settings are written as for run.py; without any, the quickstart is looked at. Nothing is made, and
no weight of a model is read. The exit code is 1 when a check fails or crashes; doubts do not count.

examples:
  advdistill doctor
  advdistill doctor +experiment=gsm8k_qwen dataset.path=FOLDER
  advdistill doctor weighting=uniform,softmax seeds=3 --json
"""
_MARKS = {
    Health.good: "[green]ok[/]",
    Health.doubtful: "[yellow]doubt[/]",
    Health.bad: "[red]bad[/]",
    Health.skipped: "[dim]skip[/]",
    Health.crashed: "[red]crash[/]",
}

_TALKATIVE = ("advdistill", "lm_eval", "math_verify", "transformers")

Row = tuple[str, str, Finding]


def main(arguments: Sequence[str]) -> int:
    """Show every finding; return 1 where a check fails.

    Raises:
        ConfigError: an argument is no setting.
    """
    options = _parser().parse_intermixed_args(arguments)
    overrides, rest = overrides_and_rest(options.arguments)
    if rest:
        raise ConfigError(
            f"doctor: '{rest[0]}' is no setting; wanted GROUP=OPTION, GROUP.FIELD=VALUE or "
            "+experiment=NAME"
        )
    settle_environment()
    subject = Subject(
        machine=Machine(),
        plans=lambda: [(cell.overrides, cell.plan) for cell in cells_of(overrides)],
    )
    with _quiet():
        rows = list(examine(subject))
    with writing_text(None) as output:
        output.write(_as_json(rows) if options.json else page(rows))
    return int(any(finding.health in FAILING for _, _, finding in rows))


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what libraries say of themselves while they are tried."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def page(rows: Iterable[Row]) -> str:
    """Return the findings as a table, remedies below what needs them, and a line of counts."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(width=None if Console().is_terminal else 110, highlight=False)
    table = Table(box=None, show_header=False, padding=(0, 1))
    for _ in range(3):
        table.add_column(overflow="fold")
    counts: Counter[Health] = Counter()
    last = None
    for group, name, finding in rows:
        counts[finding.health] += 1
        if group != last:
            table.add_row(f"[bold]{group}[/]", "", "")
        last = group
        told = escape(short(finding.found, 500))
        if finding.remedy is not None:
            told += f"\n[bold]remedy:[/] {escape(short(finding.remedy, 500))}"
        table.add_row(f"  {name.replace('_', ' ')}", _MARKS[finding.health], told)
    with console.capture() as captured:
        console.print(table)
        told = ", ".join(f"{counts[health]} {health.value}" for health in Health)
        console.print(f"\n{counts.total()} checks: {told}")
    return captured.get()


def _as_json(rows: Iterable[Row]) -> str:
    found = [
        {"group": group, "check": name, **asdict(finding), "health": finding.health.value}
        for group, name, finding in rows
    ]
    return json.dumps(found, indent=1) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill doctor",
        usage="advdistill doctor [SETTING=VALUE ...] [--json]",
        description="Look for every fault that is known to spoil a run.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("arguments", nargs="*", metavar="SETTING=VALUE", help="as for run.py")
    parser.add_argument("--json", action="store_true", help="one list of findings, for programs")
    return parser
