"""`advdistill report`: what finished runs show, as a page of one file with its tables beside it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from advdistill.cli.comparing import add_question, compared
from advdistill.cli.showing import printable
from advdistill.report.page import page_of
from advdistill.report.writing import check_path, write_report

_MORE = """\
The page is one HTML file that asks for nothing from any network: verdicts, plots with their
numbers, answers side by side, methods. FILE.md and FILE.tex hold its tables. The same runs give the
same bytes. Like `compare`, a report is recorded as a look at the test items, in outputs/looks.

examples:
  advdistill report outputs/sweeps/quickstart/0123456789ab
  advdistill report outputs/runs/quickstart/* -o quickstart.html
"""


def main(arguments: Sequence[str]) -> int:
    """Write the report; return 0.

    Raises:
        ConfigError: the question does not fit the runs, or the file's name is not that of a page.
        DataError: a folder holds no finished run.
    """
    options = _parser().parse_args(arguments)
    path = Path(options.output)
    check_path(path)
    page = page_of(*compared(options))
    page_file, *beside = write_report(page, path)
    print(printable(f"The report is in {page_file}, its tables in {', '.join(map(str, beside))}."))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill report",
        description="Write what finished runs show as a page of one file.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_question(parser)
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="report.html", help="to be written (report.html)"
    )
    return parser
