"""`advdistill pool fill`: the answers that a run would ask for, asked for now."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from math import ceil

from advdistill.cache import writing
from advdistill.cli.composing import overrides_and_rest
from advdistill.cli.judge import add_processes
from advdistill.cli.pool_places import pool_of
from advdistill.cli.pool_settings import Asked, asked_of
from advdistill.cli.run import settle_environment, settle_threads
from advdistill.errors import ConfigError
from advdistill.interfaces import Judge, Member
from advdistill.judging import open_judge
from advdistill.pool.filling import Wanted, fill
from advdistill.pool.store import open_store
from advdistill.progress import progress_of

_MORE = """\
The settings are those of a run, which then finds its answers there. Calls of the same settings on
several machines that share the outputs folder share the work: nothing is asked for twice. A call
that is stopped has lost what was under way; give it again to go on.

examples:
  advdistill pool fill
  advdistill pool fill +experiment=gsm8k_qwen outputs=/shared/outputs
"""


def main(arguments: Sequence[str]) -> int:
    """Ask for what is missing; return 0.

    Raises:
        ConfigError: a setting is wrong.
        DataError: the data set cannot be read.
        StageError: the answers cannot be had now; those that could are kept.
    """
    options = _parser().parse_intermixed_args(arguments)
    overrides, rest = overrides_and_rest(options.arguments)
    if rest:
        raise ConfigError(f"pool fill: '{rest[0]}' is no setting; wanted those of a run")
    settle_environment()
    asked = asked_of("fill", overrides)
    settle_threads(asked.runtime)
    with (
        writing("pool fill", pool_of(asked.outputs)),
        _judge(asked, processes=options.processes) as judge,
    ):
        for member, samples in asked.teacher.members:
            if member.stored:
                print(filled(asked, member, samples=samples, judge=judge), flush=True)
    return 0


def filled(asked: Asked, member: Member, *, samples: int, judge: Judge | None) -> str:
    """Fill the store of one teacher and return the line in which its answers are accounted for."""
    wanted = Wanted(
        member=member,
        samples=samples,
        sampling=asked.sampling,
        answer_format=asked.answer_format,
        judge=judge,
    )
    folder, about = asked.store(member)
    shards = ceil(len(asked.prompts) / member.shard_prompts)
    answers = 0
    with open_store(folder, about) as store, progress_of("fill") as progress:
        before = store.count()
        for done, shard in enumerate(fill(store, asked.questions(), wanted), 1):
            answers += sum(shard.counts)
            progress.update(done, shards)
        store.refresh()
        others = store.count() - before - store.added
        return (
            f"{len(asked.prompts)} prompts have all {answers} answers wanted of "
            f"{type(member).__name__}; store {folder.name}: {store.count()} answers = "
            f"{before} there before + {store.added} asked for now + {others} by others meanwhile"
        )


def _judge(asked: Asked, *, processes: int) -> AbstractContextManager[Judge | None]:
    if not asked.sampling.needs_verdicts:
        return nullcontext()
    return open_judge(asked.verifier, asked.answer_format, processes=processes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill pool fill",
        usage="advdistill pool fill [SETTING=VALUE ...] [--processes N]",
        description="Ask a configuration's teacher for what its store lacks.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "arguments", nargs="*", metavar="SETTING=VALUE", help="as for run.py, +experiment=NAME too"
    )
    add_processes(parser)
    return parser
