"""`advdistill audit`: the verdicts of a finished run, and its weights under another verifier."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from advdistill import stages
from advdistill.audit import Pool, audit, drawn
from advdistill.audit_runs import FinishedRun, read_run
from advdistill.audit_weights import reweigh
from advdistill.build import TARGET, build
from advdistill.cli.audit_markdown import Header, markdown
from advdistill.cli.composing import compose_groups, overrides_and_rest
from advdistill.cli.judge import add_processes, positive
from advdistill.cli.lines import writing_text
from advdistill.errors import ConfigError
from advdistill.interfaces import Judge, Verifier
from advdistill.judging import open_judge
from advdistill.progress import progress_of
from advdistill.records import AnswerKind, Reward

SECOND = {
    AnswerKind.number: ("math", "number"),
    AnswerKind.math: ("number", "math"),
    AnswerKind.choice: ("exact", "choice"),
    AnswerKind.text: ("exact", "choice"),
}
"""Whom to ask beside the run's own verifier, by what most prompts ask for; its own is skipped."""

_MORE = """\
The second verifier is written as `against=OPTION against.FIELD=VALUE`; without it, one that suits
the prompts is taken. It judges the whole pool again, with --quick only the sample. Nothing is
written into the run's folder.

examples:
  advdistill audit outputs/runs/quickstart/2026-01-31_12-00-00
  advdistill audit RUN against=math against.seconds=2 --sample 1000 -o report.md
"""


def main(arguments: Sequence[str]) -> int:
    """Show or write the report; return 0.

    Raises:
        ConfigError: a setting is wrong.
        DataError: the folder holds no finished run, or the report cannot be written.
    """
    options = _parser().parse_intermixed_args(arguments)
    overrides, folders = overrides_and_rest(options.arguments)
    if len(folders) != 1:
        raise ConfigError(
            f"audit: found {len(folders)} runs ({', '.join(folders) or 'none'}); wanted one folder "
            "of outputs/runs; settings hold a `=`"
        )
    run = read_run(Path(folders[0]))
    _refuse_inside(run.folder, options.output)
    name, second = _second(run, overrides)
    text = _report(run, name, second, options)
    with writing_text(options.output) as output:
        output.write(text if options.output else _laid_out(text))
    if options.output:
        print(f"The report is in {options.output}.")
    return 0


def _report(run: FinishedRun, name: str, second: Verifier, options: argparse.Namespace) -> str:
    """Return the report, the answers judged anew for it."""
    pool = run.pool
    sample = drawn(pool.responses, options.sample, seed=options.seed)
    asked = [sample] if options.quick else run.shards
    with open_judge(second, run.answer_format, processes=options.processes) as judge:
        rows = _judged(judge, pool, asked)
    header = Header(
        folder=str(run.folder),
        name=run.name,
        components=run.components,
        second=name,
        sample=len(sample),
        seed=options.seed,
    )
    report = audit(pool, rows, sample=len(sample), seed=options.seed)
    reweighing = None if options.quick else reweigh(pool, rows, run.weighting, run.budget)
    return markdown(header, report, reweighing)


def _judged(judge: Judge, pool: Pool, shards: Sequence[Sequence[Any]]) -> list[Reward]:
    rows: list[Reward] = []
    with progress_of("audit") as progress:
        for done, shard in enumerate(stages.judge(judge, pool.prompts, shards), 1):
            rows.extend(shard)
            progress.update(done, len(shards))
    return rows


def _second(run: FinishedRun, overrides: Sequence[str]) -> tuple[str, Verifier]:
    """Return the second verifier and how it is spelt."""
    chosen = any(one.startswith("against=") for one in overrides)
    usual = "number" if chosen else _usual_second(run)
    cfg = compose_groups(
        {"verifier@against": usual},
        [f"verifier@{one}" if one.startswith("against=") else one for one in overrides],
    )
    spelt = overrides if chosen else [f"against={usual}", *overrides]
    return " ".join(spelt), build("against", cfg.against, Verifier)


def _usual_second(run: FinishedRun) -> str:
    """Return the option that suits the prompts and is not the run's own verifier."""
    kinds = Counter(prompt.kind for prompt in run.pool.prompts.values())
    [(kind, _)] = kinds.most_common(1)
    for option in SECOND[kind]:
        cfg = compose_groups({"verifier@against": option}, [])
        if cfg.against[TARGET] != run.verifier:
            return option
    raise ConfigError(
        f"audit: no second verifier for prompts of kind '{kind}'; give against=OPTION"
    )


def _refuse_inside(folder: Path, output: str | None) -> None:
    if output is not None and Path(output).resolve().is_relative_to(folder.resolve()):
        raise ConfigError(
            f"audit: {output} lies in the run's own folder, which stays as it is; wanted another "
            "place; give -o FILE"
        )


def _laid_out(text: str) -> str:
    """Return the report for the screen: laid out on a terminal, as Markdown elsewhere."""
    if not sys.stdout.isatty():
        return text
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    with console.capture() as captured:
        console.print(Markdown(text, hyperlinks=False))
    return captured.get()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill audit",
        usage="advdistill audit RUN [against=OPTION ...] [-o FILE] [--sample N] [--seed N] "
        "[--quick] [--processes N]",
        description="Look at the verdicts of a finished run, and at them under another verifier.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("arguments", nargs="+", metavar="RUN", help="the run, and settings")
    parser.add_argument("-o", "--output", metavar="FILE", help="instead of the screen; Markdown")
    parser.add_argument(
        "--sample", type=positive, metavar="N", default=500, help="answers compared (500)"
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", default=0, help="of the sample and the examples (0)"
    )
    parser.add_argument("--quick", action="store_true", help="judge the sample only")
    add_processes(parser)
    return parser
