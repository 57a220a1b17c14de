"""`advdistill judge`: any JSON Lines of answers to one verdict a line."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from advdistill.answers import AnswerFormat
from advdistill.build import build
from advdistill.cli.answered import Row, id_of, pair_of, read_row
from advdistill.cli.composing import compose_groups, options_of, overrides_and_rest
from advdistill.cli.lines import STREAM, Line, read_chunks, writing_text
from advdistill.errors import ConfigError, DataError
from advdistill.interfaces import Judge, Verifier
from advdistill.judging import open_judge
from advdistill.records import Prompt, Response, Reward, Verdict

DEFAULTS = {"verifier": "number", "answer_format": "boxed"}
MALFORMED = "malformed"
"""What the summary calls a line that holds no answer to judge; its verdict is `error`."""

_MORE = """\
settings:
  verifier=OPTION       {verifiers}
  answer_format=OPTION  {answer_formats}
  verifier.FIELD=VALUE and so on, as for run.py; the usual ones are {usual}

Each row needs `gold` and `response`; `choices` (an object letter -> text, or a list), `question`,
`kind`, `metadata`, `tokens`, `finish` and `id` are read where they are there. Each line of the
result has `verdict`, `value`, `answer`, `tier` and `detail`, in the order of the rows.

examples:
  advdistill judge rows.jsonl
  advdistill judge verifier=number verifier.relative_tolerance=0.01 rows.jsonl.gz -o verdicts.jsonl
  tail -f answers.jsonl | advdistill judge answer_format=hash -
"""


def main(arguments: Sequence[str]) -> int:
    """Judge the rows; return 0 whatever they hold.

    Raises:
        ConfigError: a setting is wrong.
        DataError: the file cannot be read, or the verdicts cannot be written.
    """
    options = _parser().parse_intermixed_args(arguments)
    overrides, files = overrides_and_rest(options.arguments)
    if len(files) != 1:
        raise ConfigError(
            f"judge: found {len(files)} files to judge ({', '.join(files) or 'none'}); wanted one, "
            f"or {STREAM} for standard input; settings hold a `=`"
        )
    cfg = compose_groups(DEFAULTS, overrides)
    verifier = build("verifier", cfg.verifier, Verifier)
    answer_format = build("answer_format", cfg.answer_format, AnswerFormat)
    counts: Counter[str] = Counter()
    with (
        writing_text(options.output) as output,
        open_judge(verifier, answer_format, processes=options.processes) as judge,
    ):
        for chunk in read_chunks(files[0]):
            for kind, result in judged(judge, chunk, files[0]):
                counts[kind] += 1
                output.write(json.dumps(result) + "\n")
            output.flush()
    print(summary(counts), file=sys.stderr)
    return 0


def judged(
    judge: Judge, chunk: Iterable[Line], source: str
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield, for each line, the word under which it is counted and what is written of it."""
    read = [_read(line, source) for line in chunk]
    answers = iter(judge([pair for _, pair in read if not isinstance(pair, str)]))
    for row, pair in read:
        named = {"id": row["id"]} if row.get("id") is not None else {}
        if isinstance(pair, str):
            yield MALFORMED, {**named, **_fields(Verdict.error, detail=pair)}
            continue
        *parts, total = next(answers)
        rules = {part.rule: _fields_of(part) for part in parts} if len(parts) > 1 else {}
        several = {"rules": rules} if rules else {}
        yield total.verdict.value, {**named, **_fields_of(total), **several}


def summary(counts: Counter[str]) -> str:
    """Return the line in which every row is accounted for."""
    kinds = [*(verdict.value for verdict in Verdict), MALFORMED]
    return f"{counts.total()} rows = " + " + ".join(f"{counts[kind]} {kind}" for kind in kinds)


def _read(line: Line, source: str) -> tuple[Row, tuple[Prompt, Response] | str]:
    """Return what a line holds; in place of the answer, what keeps it from being one."""
    number, text = line
    row: Row = {}
    try:
        found = read_row(text)
        row = {"id": id_of(found)}
        return row, pair_of(found, f"{source}:{number}")
    except DataError as error:
        return row, f"line {number}: {error}"


def _fields_of(reward: Reward) -> dict[str, object]:
    fields = _fields(reward.verdict, detail=reward.detail)
    return {**fields, "value": reward.value, "answer": reward.answer, "tier": reward.tier}


def _fields(verdict: Verdict, *, detail: str | None) -> dict[str, object]:
    return {
        "verdict": verdict.value,
        "value": None,
        "answer": None,
        "tier": None,
        "detail": detail,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill judge",
        usage="advdistill judge [SETTING=VALUE ...] FILE [-o FILE] [--processes N]",
        description="Judge every row of a JSON Lines file (.gz or not), or of standard input (-).",
        epilog=_MORE.format(
            verifiers=", ".join(options_of("verifier")),
            answer_formats=", ".join(options_of("answer_format")),
            usual=" ".join(f"{group}={option}" for group, option in DEFAULTS.items()),
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "arguments", nargs="+", metavar="SETTING=VALUE or FILE", help="settings, and the rows"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="instead of standard output")
    add_processes(parser)
    return parser


def add_processes(parser: argparse.ArgumentParser) -> None:
    """Add the option `--processes`."""
    parser.add_argument(
        "--processes",
        type=positive,
        metavar="N",
        default=min(8, os.cpu_count() or 1),
        help="for verdicts that cannot promise to end (default: one per core, at most 8)",
    )


def positive(text: str) -> int:
    """Return the whole number above 0 that an option is given.

    Raises:
        ArgumentTypeError: it is 0 or less.
    """
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too small; wanted at least 1")
    return number
