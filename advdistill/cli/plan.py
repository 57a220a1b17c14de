"""`advdistill plan`: the stages of every cell, what is there, and what the rest will take."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from advdistill.cli.composing import overrides_and_rest
from advdistill.cli.grid import cells_of
from advdistill.cli.lines import writing_text
from advdistill.cli.plan_page import as_json, page
from advdistill.cli.run import settle_environment, settle_threads
from advdistill.errors import ConfigError
from advdistill.hardware import Hardware, this_hardware
from advdistill.planning.allowance import read_allowance
from advdistill.planning.hours import Forecast, forecast
from advdistill.planning.looking import Looked, look
from advdistill.timings import Timing, read_timings

_MORE = """\
Settings are written as for run.py; commas, ranges and seeds=N make a sweep of cells, to which null
cells are added as in a run (none with sweep.nulls=false). Nothing is made in the outputs folder.
Hours come from finished artefacts of the same kind, hardware and runtime; --probe runs a few
prompts through the kinds of stage that none tells of, in a folder of its own. A teacher behind an
API is asked, and paid, for those few.
The exit code is 1 when the upper end of the hours is beyond --budget.

examples:
  advdistill plan weighting=uniform,softmax seeds=3
  advdistill plan +experiment=gsm8k_qwen weighting=uniform,softmax --probe --budget 40gpuh
"""


def main(arguments: Sequence[str]) -> int:
    """Show the plan; return 1 where it is beyond the budget.

    Raises:
        ConfigError: a setting is wrong.
        DataError: a data set cannot be read.
        StageError: a stage fails in the probe, as it would in the run.
    """
    options = _parser().parse_intermixed_args(arguments)
    overrides, rest = overrides_and_rest(options.arguments)
    if rest:
        raise ConfigError(
            f"plan: '{rest[0]}' is no setting; wanted GROUP=OPTION, GROUP.FIELD=VALUE or "
            "+experiment=NAME"
        )
    hardware = this_hardware()
    allowance = options.budget and read_allowance(options.budget, hardware)
    settle_environment()
    cells = cells_of(overrides)
    settle_threads(cells[0].plan.runtime)
    with TemporaryDirectory(prefix="advdistill-plan-") as scratch:
        looked = look([(one.overrides, one.plan) for one in cells], Path(scratch) / "read")
        found = _forecast(looked, Path(scratch) / "probe", hardware, ask=options.probe)
    with writing_text(None) as output:
        if options.json:
            output.write(json.dumps(as_json(looked, found, hardware), indent=1) + "\n")
        else:
            output.write(page(looked, found, hardware))
    objection = allowance and allowance.objection(found)
    if objection:
        print(objection, file=sys.stderr)
    return int(bool(objection))


def _forecast(looked: Looked, scratch: Path, hardware: Hardware, *, ask: bool) -> Forecast:
    caches = {cell.plan.outputs / "cache" for cell in looked.cells}
    timings = [timing for cache in sorted(caches) for timing in read_timings(cache)]
    probed = list(_probed(looked, timings, scratch, hardware)) if ask else []
    return forecast(looked, timings, probed, hardware)


def _probed(
    looked: Looked, timings: Sequence[Timing], scratch: Path, hardware: Hardware
) -> Iterator[Timing]:
    # Here, as it imports what the stages need.
    from advdistill.planning.probing import probe

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("advdistill.planning").setLevel(logging.INFO)
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    known = frozenset(timing.kind for timing in timings if timing.hardware == hardware)
    yield from probe(looked, known, scratch, hardware)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill plan",
        usage="advdistill plan [SETTING=VALUE ...] [--probe] [--budget TIME] [--json]",
        description="Show what a run or a sweep would make, and what that would take.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "arguments", nargs="*", metavar="SETTING=VALUE", help="as for run.py, commas sweep"
    )
    parser.add_argument("-m", "--multirun", action="store_true", help="accepted; says nothing new")
    parser.add_argument("--probe", action="store_true", help="time a slice of what has no timing")
    parser.add_argument("--budget", metavar="TIME", help="4h, 90min or 40gpuh; 1 if beyond it")
    parser.add_argument("--json", action="store_true", help="everything, for programs")
    return parser
