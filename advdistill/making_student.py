"""The makers of what is learnt from a pool: references, the student and its scores."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from advdistill import stages
from advdistill.answers import AnswerFormat
from advdistill.budget import Budget, BudgetUnit
from advdistill.examples import PoolFolders
from advdistill.interfaces import (
    Evaluation,
    Objective,
    Packing,
    Sharding,
    Student,
    TrainingJob,
    Validate,
    Verifier,
    Watch,
)
from advdistill.judging import open_judge
from advdistill.making import Meta, read_prompts, shard_file, shard_files
from advdistill.records import Item, Reference, Response, Score, Split, Verdict
from advdistill.tables import read_table, write_rows
from advdistill.validation import validator


@dataclass(frozen=True, kw_only=True)
class TrainingHow:
    """How the student's passes are made; changes memory and speed."""

    row_tokens: int
    packing: Packing
    sharding: Sharding
    compile: bool

    def job(
        self,
        answer_format: AnswerFormat,
        watch: Watch,
        *,
        budget: Budget,
        validate: Validate | None,
    ) -> TrainingJob:
        """Return what the student is told beside the examples."""
        return TrainingJob(
            answer_format=answer_format,
            validate=validate,
            watch=watch,
            budget=budget,
            row_tokens=self.row_tokens,
            packing=self.packing,
            sharding=self.sharding,
            compile=self.compile,
        )


@dataclass(frozen=True, kw_only=True)
class MakeReferences:
    """`shards/00000.parquet` and on: the base student's log-prob of every response."""

    student: Student
    answer_format: AnswerFormat
    pool: PoolFolders
    how: TrainingHow

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        none = Budget(unit=BudgetUnit.none, amount=1.0)
        job = self.how.job(self.answer_format, watch, budget=none, validate=None)
        references = stages.refer(self.student, self.pool.examples(), job=job)
        (draft / "shards").mkdir(exist_ok=True)
        left = iter(references)
        for number, file in enumerate(shard_files(self.pool.responses)):
            shard = list(islice(left, read_table(file, Response, ["sample"]).num_rows))
            write_rows(shard_file(draft, number), Reference, [shard])
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
        dev = read_prompts(self.pool.prompts, Split.dev)
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
                job=self.how.job(
                    self.answer_format,
                    watch,
                    budget=self.budget,
                    validate=validate if dev else None,
                ),
            )
        training = json.loads((draft / "training.json").read_text())
        used, dropped = training["examples_used"], training["examples_dropped"]
        cut = training["examples_truncated"]
        line = (
            f"{len(examples)} examples = {used} trained on{f' ({cut} of them cut)' * bool(cut)} + "
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
                read_prompts(self.prompts, Split.test),
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
