"""`advdistill validate`: every gold answer against its own verifier, before anything is spent."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from advdistill import stages
from advdistill.answers import AnswerFormat
from advdistill.build import build, build_settings
from advdistill.cli.composing import compose_run, overrides_and_rest
from advdistill.cli.judge import add_processes
from advdistill.cli.lines import writing_text
from advdistill.cli.showing import short
from advdistill.config import RunSettings, check_groups, held_out_of
from advdistill.decontamination import Overlap, overlaps
from advdistill.errors import ConfigError
from advdistill.interfaces import Dataset, Verifier
from advdistill.judging import open_judge
from advdistill.records import Prompt, Reward, Split, Verdict

if TYPE_CHECKING:
    from omegaconf import DictConfig

SHOWN = 20
"""Misses on the screen; a file takes all."""

_MORE = """\
With decontaminate=true, the training prompts that a run would leave out are listed, too.
Neither teacher nor student is built, and no model is looked for: it needs no GPU.
The exit code is 1 when a data set has more misses than max_unverified.

examples:
  advdistill validate
  advdistill validate +experiment=gsm8k_qwen dataset.path=FOLDER
  advdistill validate dataset=jsonl dataset.name=mine dataset.train_path=rows.jsonl -o misses.jsonl
"""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One data set and what its own verifier rejects."""

    name: str
    splits: Mapping[Split, Sequence[Prompt]]
    misses: Sequence[tuple[Prompt, Reward]]

    @property
    def prompts(self) -> int:
        """How many there are in all splits."""
        return sum(map(len, self.splits.values()))


def main(arguments: Sequence[str]) -> int:
    """Check the gold answers; return 1 where too many do not pass.

    Raises:
        ConfigError: a setting is wrong.
        DataError: the data cannot be read, or hold a gold answer that is none.
    """
    options = _parser().parse_intermixed_args(arguments)
    overrides, rest = overrides_and_rest(options.arguments)
    if rest:
        raise ConfigError(
            f"validate: '{rest[0]}' is no setting; wanted GROUP=OPTION, GROUP.FIELD=VALUE or "
            "+experiment=NAME"
        )
    cfg = compose_run(overrides)
    check_groups(cfg)
    settings = build_settings(cfg, RunSettings)
    checked = check(cfg, processes=options.processes)
    heads = list(lines(checked))
    misses = [_miss(*pair) for one in checked for pair in one.misses]
    shared: list[dict[str, str]] = []
    if settings.decontaminate:
        shared = [asdict(one) for one in shared_passages(checked, settings.overlap_words)]
        heads.append(
            f"decontaminate: {len(shared)} prompts of train and dev share "
            f"{settings.overlap_words} words in a row with a test prompt; a run leaves them out"
        )
    more = "all are in the file" if options.output else "give -o FILE for all"
    with writing_text(None) as output:
        output.write(_page(heads, [misses, shared], more))
    if options.output is not None:
        with writing_text(options.output) as output:
            output.writelines(json.dumps(row) + "\n" for row in [*misses, *shared])
    beyond = [one for one in checked if len(one.misses) > settings.max_unverified]
    for one in beyond:
        print(
            f"{one.name}: {len(one.misses)} gold answers do not pass their own verifier; wanted at "
            f"most {settings.max_unverified}; fix them, choose another verifier or answer_format, "
            "or raise max_unverified",
            file=sys.stderr,
        )
    return int(bool(beyond))


def check(cfg: DictConfig, *, processes: int) -> list[Checked]:
    """Return the run's own data set and those it is evaluated on beside it, checked.

    Raises:
        ConfigError: a setting is wrong.
        DataError: a data set cannot be read, or holds a gold answer that is none.
    """
    verifier = build("verifier", cfg.verifier, Verifier)
    answer_format = build("answer_format", cfg.answer_format, AnswerFormat)
    dataset = build("dataset", cfg.dataset, Dataset)
    wanted = {Split.train: [dataset], Split.test: list(held_out_of(cfg, dataset).values())}
    loaded = [
        (dataset.name, stages.load(dataset, needed=needed))
        for needed, datasets in wanted.items()
        for dataset in datasets
    ]
    with open_judge(verifier, answer_format, processes=processes) as judge:
        return [
            Checked(
                name=name,
                splits=splits,
                misses=stages.check(
                    judge,
                    [prompt for split in Split for prompt in splits[split]],
                    answer_format=answer_format,
                ),
            )
            for name, splits in loaded
        ]


def lines(checked: Sequence[Checked]) -> Iterator[str]:
    """Yield one line of counts for each data set."""
    for one in checked:
        parts = " + ".join(f"{len(one.splits[split])} {split}" for split in Split)
        verdicts = Counter(total.verdict for _, total in one.misses)
        missed = [f"{verdicts[v]} {v.value}" for v in Verdict if v is not Verdict.passed]
        passed = one.prompts - len(one.misses)
        yield (
            f"{one.name}: {one.prompts} gold answers ({parts}) = {passed} pass + "
            + " + ".join(missed)
        )


def shared_passages(checked: Sequence[Checked], words: int) -> list[Overlap]:
    """Return the training and dev prompts that the run's decontamination would drop."""
    own = checked[0].splits
    tests = [prompt for one in checked for prompt in one.splits[Split.test]]
    return overlaps([*own[Split.train], *own[Split.dev]], tests, words=words)


def _miss(prompt: Prompt, total: Reward) -> dict[str, str]:
    return {
        "id": prompt.prompt_id,
        "gold": prompt.answer,
        "verdict": total.verdict.value,
        "answer": total.answer or "",
        "detail": total.detail or "",
    }


def _page(heads: Sequence[str], tables: Sequence[Sequence[Mapping[str, str]]], more: str) -> str:
    """Return the lines and the first rows of each table, laid out for the screen."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if Console().is_terminal else 100, highlight=False)
    with console.capture() as captured:
        for head in heads:
            console.print(short(head, 400), soft_wrap=True, markup=False)
        for rows in filter(None, tables):
            table = Table(box=None, header_style="bold", padding=(0, 1))
            for name in rows[0]:
                table.add_column(name, overflow="fold")
            for row in rows[:SHOWN]:
                table.add_row(*(Text(short(value, 200)) for value in row.values()))
            console.print(table)
            if len(rows) > SHOWN:
                console.print(f"and {len(rows) - SHOWN} more; {more}")
    return captured.get()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill validate",
        usage="advdistill validate [SETTING=VALUE ...] [-o FILE] [--processes N]",
        description="Check that every gold answer of a run passes the run's own verifier.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "arguments", nargs="*", metavar="SETTING=VALUE", help="as for run.py, +experiment=NAME too"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="all misses and overlaps, one JSON object a line"
    )
    add_processes(parser)
    return parser
