"""The makers of the pool: prompts, the check of their gold answers, responses and rewards."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from advdistill import stages
from advdistill.answers import AnswerFormat
from advdistill.errors import DataError, StageError
from advdistill.interfaces import Dataset, Judge, Teacher, Verifier, Watch
from advdistill.judging import open_judge
from advdistill.making import REWARDS, Meta, prompts_file, read_prompts, shard_file, shard_files
from advdistill.records import Finish, Prompt, Response, Reward, Split, Verdict
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
            write_rows(prompts_file(draft, split), Prompt, [prompts])
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
class MakeResponses:
    """`shards/00000.parquet` and on: the pool. A shard that is there is not sampled again."""

    teacher: Teacher
    answer_format: AnswerFormat
    prompts: Path

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        prompts = read_prompts(self.prompts, Split.train)
        shards = list(_chunks(prompts, self.teacher.shard_prompts))
        (draft / "shards").mkdir(exist_ok=True)
        finished = {
            number: rows
            for number, shard in enumerate(shards)
            if (rows := _finished_shard(shard_file(draft, number), shard)) is not None
        }
        missing = [number for number in range(len(shards)) if number not in finished]
        made = stages.sample(
            self.teacher, [shards[number] for number in missing], answer_format=self.answer_format
        )
        finishes: Counter[Finish] = Counter()
        for done, number in enumerate(range(len(shards)), 1):
            rows = finished.pop(number, None)
            if rows is None:
                rows = next(made)
                write_rows(shard_file(draft, number), Response, [rows])
            finishes.update(row.finish for row in rows)
            _report_shard(watch, rows, number)
            watch.progress(done, len(shards))
        if missing:
            next(made, None)  # lets the teacher close its engine
        total = sum(finishes.values())
        if not total:
            raise StageError(
                "stage 'sample': the teacher gave no answer to any prompt; "
                "wanted some, or another data set"
            )
        parts = " + ".join(f"{finishes[finish]} {finish.value}" for finish in Finish)
        return {"line": f"{total} answers to {len(prompts)} prompts = {parts}", "answers": total}


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


def _chunks(prompts: Sequence[Prompt], size: int) -> Iterator[tuple[Prompt, ...]]:
    rest = iter(prompts)
    while chunk := tuple(islice(rest, size)):
        yield chunk


def _finished_shard(path: Path, prompts: Sequence[Prompt]) -> list[Response] | None:
    """Return the shard's rows, or None where it is missing, torn or of other prompts."""
    try:
        rows = read_rows(path, Response)
    except (FileNotFoundError, DataError):
        return None
    known = {prompt.prompt_id for prompt in prompts}
    return rows if all(row.prompt_id in known for row in rows) else None


def _report_shard(watch: Watch, rows: Sequence[Response], number: int) -> None:
    counted = [row.tokens for row in rows if row.tokens is not None]
    logprobs = [row.logprob_mean for row in rows if row.logprob_mean is not None]
    numbers = {
        "answers": float(len(rows)),
        "truncated": sum(row.finish is Finish.length for row in rows) / max(len(rows), 1),
    }
    if counted:
        numbers["tokens_mean"] = sum(counted) / len(counted)
    if logprobs:
        numbers["logprob_mean"] = sum(logprobs) / len(logprobs)
    watch.report(numbers, number)
