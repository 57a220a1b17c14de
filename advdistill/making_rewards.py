"""The maker of the rewards of a pool, whole shards of it in several processes at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from advdistill import stages
from advdistill.answers import AnswerFormat
from advdistill.errors import DataError
from advdistill.interfaces import Verifier, Watch
from advdistill.judging import open_judge
from advdistill.making import Meta, PromptsInStep, shard_file, shard_files
from advdistill.records import Response, Reward, Verdict
from advdistill.shards import each_shard
from advdistill.tables import read_rows, write_rows


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

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        (draft / "shards").mkdir(exist_ok=True)
        shards = len(shard_files(self.responses))
        judging = _Judging(
            verifier=self.verifier,
            answer_format=self.answer_format,
            prompts=self.prompts,
            responses=self.responses,
            rewards=draft,
        )
        verdicts: Counter[str] = Counter()
        for done, found in enumerate(each_shard(judging, shards, processes=self.processes), 1):
            verdicts.update(found)
            answers = max(sum(found.values()), 1)
            watch.report({name: count / answers for name, count in found.items()}, done)
            watch.progress(done, shards)
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

    @contextmanager
    def open(self) -> Iterator[Callable[[int], dict[str, int]]]:
        prompts = PromptsInStep(self.prompts)

        with open_judge(self.verifier, self.answer_format, processes=1) as judge:

            def judged(number: int) -> dict[str, int]:
                path = shard_file(self.rewards, number)
                found = _finished_verdicts(path)
                if found is None:
                    responses = read_rows(shard_file(self.responses, number), Response)
                    known = prompts.of(row.prompt_id for row in responses)
                    [rewards] = stages.judge(judge, known, [responses])
                    write_rows(path, Reward, [rewards])
                    found = stages.conservation(rewards)
                return found

            yield judged


def _finished_verdicts(path: Path) -> dict[str, int] | None:
    """Return how many answers of a shard got each verdict, or None where it is missing or torn."""
    try:
        return stages.conservation(read_rows(path, Reward))
    except (FileNotFoundError, DataError):
        return None
