"""The maker of the rewards of a pool, whole shards of it in several processes at once."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from advdistill import stages
from advdistill.answers import AnswerFormat
from advdistill.digests import digest_of_file
from advdistill.errors import DataError
from advdistill.interfaces import Judge, Verifier, Watch
from advdistill.judging import open_judge
from advdistill.making import Meta, PromptsInStep, shard_file, shard_files
from advdistill.records import Response, Reward, Verdict
from advdistill.shards import each_shard
from advdistill.tables import read_rows, write_rows

_Answer = tuple[str, int]
"""The prompt's id and the sample's number."""


@dataclass(frozen=True, kw_only=True)
class MakeRewards:
    """`shards/00000.parquet` and on, numbered as those of the responses they are about.

    A shard that is there is not judged again.
    """

    verifier: Verifier
    answer_format: AnswerFormat
    prompts: Path
    responses: Path
    processes: int
    ahead: Path | None = None
    """Where shards may lie that were judged already, see `judging_ahead`; gone afterwards."""

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        (draft / "shards").mkdir(exist_ok=True)
        shards = len(shard_files(self.responses))
        judging = _Judging(
            verifier=self.verifier,
            answer_format=self.answer_format,
            prompts=self.prompts,
            responses=self.responses,
            rewards=draft,
            ahead=self.ahead,
        )
        verdicts: Counter[str] = Counter()
        for done, found in enumerate(each_shard(judging, shards, processes=self.processes), 1):
            verdicts.update(found)
            answers = max(sum(found.values()), 1)
            watch.report({name: count / answers for name, count in found.items()}, done)
            watch.progress(done, shards)
        if self.ahead is not None:
            shutil.rmtree(self.ahead, ignore_errors=True)
        total = sum(verdicts.values())
        parts = " + ".join(f"{verdicts[verdict.value]} {verdict.value}" for verdict in Verdict)
        return {"line": f"{total} answers = {parts}", "answers": total, "verdicts": dict(verdicts)}


@dataclass(frozen=True, kw_only=True)
class _Judging:
    """Writes the rewards of a shard; gives back how many answers got each verdict."""

    verifier: Verifier
    answer_format: AnswerFormat
    prompts: Path
    responses: Path
    rewards: Path
    ahead: Path | None

    @contextmanager
    def open(self) -> Iterator[Callable[[int], dict[str, int]]]:
        prompts = PromptsInStep(self.prompts)

        with open_judge(self.verifier, self.answer_format, processes=1) as judge:

            def judged(number: int) -> dict[str, int]:
                path = shard_file(self.rewards, number)
                found = _finished_verdicts(path)
                if found is None:
                    answered = shard_file(self.responses, number)
                    had = {} if self.ahead is None else _judged_before(self.ahead, answered)
                    rewards = judged_shard(judge, prompts, answered, had)
                    write_rows(path, Reward, [rewards])
                    found = stages.conservation(rewards)
                return found

            yield judged


def ahead_file(folder: Path, answered: Path) -> Path:
    """Return where the rewards of a shard of responses lie that was judged ahead.

    Its name is the digest of what was judged, so that it is never taken for another's.
    """
    return folder / f"{digest_of_file(answered)}.parquet"


def judged_shard(
    judge: Judge, prompts: PromptsInStep, answered: Path, had: Mapping[_Answer, list[Reward]]
) -> list[Reward]:
    """Return the rewards of a shard of responses; those that are had already are not made again."""
    responses = read_rows(answered, Response)
    known = prompts.of(row.prompt_id for row in responses)
    lacking = [row for row in responses if (row.prompt_id, row.sample) not in had]
    [rewards] = stages.judge(judge, known, [lacking])
    if not had:
        return rewards
    found = {**had, **_by_answer(rewards)}
    return [reward for row in responses for reward in found[row.prompt_id, row.sample]]


def _judged_before(ahead: Path, answered: Path) -> dict[_Answer, list[Reward]]:
    """Return the rewards that were made of some answers of a shard while the pool was filled.

    One that was late then may be in time now that there is less to do.
    """
    try:
        rewards = _by_answer(read_rows(ahead_file(ahead, answered), Reward))
    except (FileNotFoundError, DataError):
        return {}
    return {
        answer: rows
        for answer, rows in rewards.items()
        if not any(row.verdict is Verdict.timeout for row in rows)
    }


def _by_answer(rewards: Iterable[Reward]) -> dict[_Answer, list[Reward]]:
    found: dict[_Answer, list[Reward]] = {}
    for row in rewards:
        found.setdefault((row.prompt_id, row.sample), []).append(row)
    return found


def _finished_verdicts(path: Path) -> dict[str, int] | None:
    """Return how many answers of a shard got each verdict, or None where it is missing or torn."""
    try:
        return stages.conservation(read_rows(path, Reward))
    except (FileNotFoundError, DataError):
        return None
