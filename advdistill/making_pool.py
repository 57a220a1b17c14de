"""The makers around the pool: prompts, the check of their gold answers, and rewards."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill import stages
from advdistill.answers import AnswerFormat
from advdistill.interfaces import Dataset, Judge, Verifier, Watch
from advdistill.judging import open_judge
from advdistill.making import (
    REWARDS,
    SHARD_PROMPTS,
    Meta,
    batched,
    prompts_file,
    read_prompts,
    shard_files,
)
from advdistill.records import Prompt, Response, Reward, Split, Verdict
from advdistill.tables import read_rows, write_rows


@dataclass(frozen=True, kw_only=True)
class MakePrompts:
    """`<split>.parquet` for each split."""

    dataset: Dataset
    needed: Split
    """The split that must not be empty."""

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        splits = stages.load(self.dataset, needed=self.needed)
        for split, prompts in splits.items():
            write_rows(prompts_file(draft, split), Prompt, batched(prompts, SHARD_PROMPTS))
        counts = {split.value: len(prompts) for split, prompts in splits.items()}
        watch.progress(sum(counts.values()), sum(counts.values()))
        parts = " + ".join(f"{count} {split}" for split, count in counts.items())
        return {"line": f"{sum(counts.values())} prompts = {parts}", "prompts": counts}


@dataclass(frozen=True, kw_only=True)
class MakeCheck:
    """`failed.jsonl`: the gold answers that their own verifier rejects, each with the reason."""

    verifier: Verifier
    answer_format: AnswerFormat
    prompts: Path
    processes: int

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        prompts = [prompt for split in Split for prompt in read_prompts(self.prompts, split)]
        with open_judge(self.verifier, self.answer_format, processes=self.processes) as judge:
            failed = stages.check(judge, prompts, answer_format=self.answer_format)
        _write_failed(draft, failed)
        watch.progress(len(prompts), len(prompts))
        return {
            "line": f"{len(prompts)} gold answers = {len(prompts) - len(failed)} pass + "
            f"{len(failed)} fail",
            "failed": len(failed),
            "first": [prompt.prompt_id for prompt, _ in failed[:3]],
        }


@dataclass(frozen=True, kw_only=True)
class MakeRewards:
    """`rewards.parquet`, one row group per shard of responses."""

    verifier: Verifier
    answer_format: AnswerFormat
    prompts: Path
    responses: Path
    processes: int

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        prompts = {prompt.prompt_id: prompt for prompt in read_prompts(self.prompts, Split.train)}
        files = shard_files(self.responses)
        verdicts: Counter[str] = Counter()

        def counted(judge: Judge) -> Iterator[list[Reward]]:
            shards = (read_rows(file, Response) for file in files)
            judged = stages.judge(judge, prompts, shards)
            for done, rewards in enumerate(judged, 1):
                shard = stages.conservation(rewards)
                verdicts.update(shard)
                answers = max(sum(shard.values()), 1)
                watch.report({name: count / answers for name, count in shard.items()}, done)
                watch.progress(done, len(files))
                yield rewards

        with open_judge(self.verifier, self.answer_format, processes=self.processes) as judge:
            write_rows(draft / REWARDS, Reward, counted(judge))
        total = sum(verdicts.values())
        parts = " + ".join(f"{verdicts[verdict.value]} {verdict.value}" for verdict in Verdict)
        return {"line": f"{total} answers = {parts}", "answers": total, "verdicts": dict(verdicts)}


def _write_failed(draft: Path, failed: Sequence[tuple[Prompt, Reward]]) -> None:
    rows = (
        {
            "prompt_id": prompt.prompt_id,
            "answer": prompt.answer,
            "verdict": total.verdict.value,
            "read": total.answer,
            "detail": total.detail,
        }
        for prompt, total in failed
    )
    (draft / "failed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
