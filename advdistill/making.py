"""How each stage's artefact is written: files in, a stage between, files out.

A maker is called with the draft folder and a watch, and gives back the artefact's meta: a `line`
for people, and counts. Makers pickle, so that each can run in a process of its own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from advdistill import stages
from advdistill.answers import AnswerFormat
from advdistill.budget import Budget, BudgetUnit
from advdistill.errors import DataError, StageError
from advdistill.health import health_of
from advdistill.interfaces import (
    Dataset,
    Evaluation,
    Example,
    Judge,
    Objective,
    Packing,
    Sharding,
    Student,
    Teacher,
    TrainingJob,
    Verifier,
    Watch,
    Weighting,
)
from advdistill.judging import open_judge
from advdistill.pools import Pool, examples_of, groups_of, weights_of
from advdistill.records import (
    Finish,
    Item,
    Prompt,
    Reference,
    Response,
    Reward,
    Score,
    Split,
    Verdict,
    Weight,
)
from advdistill.tables import read_rows, write_rows
from advdistill.validation import validator

Meta = dict[str, object]

REFERENCES = "references.parquet"


class Maker(Protocol):
    """Writes one artefact."""

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        """Write the files into `draft`, which may hold those of an earlier, killed call."""
        ...


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
        prompts = [prompt for split in Split for prompt in _prompts(self.prompts, split)]
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
        prompts = _prompts(self.prompts, Split.train)
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
        prompts = {prompt.prompt_id: prompt for prompt in _prompts(self.prompts, Split.train)}
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
            write_rows(draft / "rewards.parquet", Reward, counted(judge))
        total = sum(verdicts.values())
        parts = " + ".join(f"{verdicts[verdict.value]} {verdict.value}" for verdict in Verdict)
        return {"line": f"{total} answers = {parts}", "answers": total, "verdicts": dict(verdicts)}


@dataclass(frozen=True, kw_only=True)
class MakeWeights:
    """`weights.parquet`, one row per response."""

    weighting: Weighting
    budget: Budget
    responses: Path
    rewards: Path

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        responses = _pool(self.responses)
        groups = groups_of(responses, read_rows(self.rewards / "rewards.parquet", Reward))
        weights_PG = self.budget.scaled_PG(stages.weigh(self.weighting, groups))
        write_rows(draft / "weights.parquet", Weight, [weights_of(groups, weights_PG, responses)])
        health = health_of(groups, weights_PG)
        watch.report(health.numbers(), 0)
        watch.progress(1, 1)
        return {"line": health.line(len(responses)), "health": health.numbers()}


@dataclass(frozen=True, kw_only=True)
class PoolFolders:
    """Where the artefacts lie that a student learns from."""

    prompts: Path
    responses: Path
    rewards: Path
    weights: Path
    references: Path | None = None

    def examples(self) -> list[Example]:
        """Return every response with all that was made of it."""
        return examples_of(
            Pool(
                prompts={row.prompt_id: row for row in _prompts(self.prompts, Split.train)},
                responses=_pool(self.responses),
                rewards=read_rows(self.rewards / "rewards.parquet", Reward),
                weights=read_rows(self.weights / "weights.parquet", Weight),
                references=()
                if self.references is None
                else read_rows(self.references / REFERENCES, Reference),
            )
        )


@dataclass(frozen=True, kw_only=True)
class TrainingHow:
    """How the student's passes are made; changes memory and speed."""

    row_tokens: int
    packing: Packing
    sharding: Sharding


@dataclass(frozen=True, kw_only=True)
class MakeReferences:
    """`references.parquet`: the base student's log-prob of every response."""

    student: Student
    answer_format: AnswerFormat
    pool: PoolFolders
    how: TrainingHow

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        job = TrainingJob(
            answer_format=self.answer_format,
            validate=None,
            watch=watch,
            budget=Budget(unit=BudgetUnit.none, amount=1.0),
            row_tokens=self.how.row_tokens,
            packing=self.how.packing,
            sharding=self.how.sharding,
        )
        references = stages.refer(self.student, self.pool.examples(), job=job)
        write_rows(draft / REFERENCES, Reference, [references])
        unknown = sum(row.logprob_sum is None for row in references)
        return {
            "line": f"{len(references)} answers = {len(references) - unknown} with the base "
            f"student's log-prob + {unknown} too long",
            "answers": len(references),
        }


@dataclass(frozen=True, kw_only=True)
class MakeStudent:
    """`model/`, ready for `from_pretrained`, and what the loop leaves beside it."""

    student: Student
    objective: Objective
    verifier: Verifier
    answer_format: AnswerFormat
    budget: Budget
    pool: PoolFolders
    how: TrainingHow
    processes: int
    """For the verdicts that cannot promise to end."""
    max_tokens: int
    """Of an answer to a dev prompt."""

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        examples = self.pool.examples()
        dev = _prompts(self.pool.prompts, Split.dev)
        with open_judge(self.verifier, self.answer_format, processes=self.processes) as judge:
            validate = validator(
                dev,
                judge,
                answer_format=self.answer_format,
                max_tokens=self.max_tokens,
                batch_size=100,
            )
            stages.train(
                self.student,
                self.objective,
                examples,
                folder=draft,
                job=TrainingJob(
                    answer_format=self.answer_format,
                    validate=validate if dev else None,
                    watch=watch,
                    budget=self.budget,
                    row_tokens=self.how.row_tokens,
                    packing=self.how.packing,
                    sharding=self.how.sharding,
                ),
            )
        training = json.loads((draft / "training.json").read_text())
        used, dropped = training["examples_used"], training["examples_dropped"]
        line = (
            f"{len(examples)} examples = {used} trained on + "
            f"{len(examples) - used - dropped} of weight 0 + {dropped} too long; "
            f"{training['steps']} steps, best dev accuracy {training['best_dev_accuracy']} "
            f"at step {training['best_step']}"
        )
        return {"line": line, **training}


@dataclass(frozen=True, kw_only=True)
class MakeScores:
    """`scores.parquet` and `items.parquet` of one model."""

    evaluation: Evaluation
    verifier: Verifier
    answer_format: AnswerFormat
    model: str
    revision: str | None
    prompts: Path
    processes: int

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        with open_judge(self.verifier, self.answer_format, processes=self.processes) as judge:
            scores, items = stages.evaluate(
                self.evaluation,
                self.model,
                _prompts(self.prompts, Split.test),
                revision=self.revision,
                judge=judge,
                answer_format=self.answer_format,
                watch=watch,
            )
        write_rows(draft / "scores.parquet", Score, [scores])
        write_rows(draft / "items.parquet", Item, [items])
        watch.report({score.metric: score.value for score in scores}, 0)
        verdicts = Counter(item.verdict for item in items)
        parts = " + ".join(f"{verdicts[verdict]} {verdict.value}" for verdict in Verdict)
        return {"line": f"{len(items)} items = {parts}", "items": len(items)}


def prompts_file(folder: Path, split: Split) -> Path:
    """Return where a prompts artefact keeps a split."""
    return folder / f"{split.value}.parquet"


def shard_file(folder: Path, number: int) -> Path:
    """Return where a responses artefact keeps a shard."""
    return folder / "shards" / f"{number:05d}.parquet"


def shard_files(folder: Path) -> list[Path]:
    """Return the shards of a responses artefact in order."""
    return sorted((folder / "shards").glob("*.parquet"))


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


def _pool(folder: Path) -> list[Response]:
    return [row for file in shard_files(folder) for row in read_rows(file, Response)]


def _prompts(folder: Path, split: Split) -> list[Prompt]:
    return read_rows(prompts_file(folder, split), Prompt)


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
