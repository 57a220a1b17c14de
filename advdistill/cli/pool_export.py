"""`advdistill pool export`: the answers of a store as a file."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from advdistill.cache import writing
from advdistill.cli.lines import writing_text
from advdistill.cli.pool_places import outputs_and_rest, pool_of
from advdistill.cli.showing import printable
from advdistill.errors import ConfigError
from advdistill.pool.formats import Format, Row, rows_of, write_parquet
from advdistill.pool.looking import check_about, find_store
from advdistill.pool.store import read_store

_MORE = """\
formats:
  parquet       one row per answer: prompt_id, key, sample, messages, response, tokens, finish,
                logprob_sum, logprob_mean, teacher, store, and setting_* for the teacher's settings
  jsonl         the same as JSON Lines (.gz or not)
  openai-batch  the output file of OpenAI's batch API; custom_id is PROMPT_ID#SAMPLE
  lm-eval       the samples that lm-eval logs, all answers to a prompt in one line

The file appears when it is whole. Damaged shards are named and left out.

examples:
  advdistill pool export 3f9c -o answers.parquet --format parquet
  advdistill pool export 3f9c -o answers.jsonl.gz --format jsonl outputs=/shared/outputs
"""


def main(arguments: Sequence[str]) -> int:
    """Write the answers; return 0.

    Raises:
        ConfigError: an argument is wrong.
        DataError: there is no such store, or the file cannot be written.
    """
    options = _parser().parse_intermixed_args(arguments)
    outputs, names = outputs_and_rest("export", options.arguments)
    if len(names) != 1:
        raise ConfigError(f"pool export: found {len(names)} stores; wanted one; see `pool ls`")
    form, path = Format(options.format), Path(options.output)
    if (path.suffix == ".parquet") != (form is Format.parquet):
        raise ConfigError(
            f"pool export: {path} goes by another format than {form}; wanted a name in .parquet "
            "for parquet, and in .jsonl or .jsonl.gz for the others"
        )
    folder = find_store(pool_of(outputs), names[0]).resolve()
    about = check_about(folder)
    with read_store(folder) as store:
        rows = rows_of(form, store.groups(), store=folder.name, about=about)
        with writing("pool export", path.resolve().parent):
            count = (
                write_parquet(path, rows, about=about)
                if form is Format.parquet
                else _write_lines(path, rows)
            )
        line = f"{store.count()} answers in {count} rows of {path}"
    print(printable(line), file=sys.stderr)
    return 0


def _write_lines(path: Path, rows: Iterator[Row]) -> int:
    count = 0
    with writing_text(str(path)) as output:
        for row in rows:
            output.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill pool export",
        usage="advdistill pool export STORE -o FILE --format FORMAT [outputs=FOLDER]",
        description="Write the answers of a store to a file.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("arguments", nargs="+", metavar="STORE", help="its key, or enough of it")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="to be written")
    parser.add_argument("--format", choices=list(Format), required=True, help="see below")
    return parser
