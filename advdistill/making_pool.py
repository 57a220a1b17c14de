"""The makers before the pool: prompts and the check of their gold answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill import stages
from advdistill.answers import AnswerFormat
from advdistill.interfaces import Dataset, Verifier, Watch
from advdistill.judging import open_judge
from advdistill.making import Meta, read_prompts, write_prompts
from advdistill.records import Prompt, Reward, Split


@dataclass(frozen=True, kw_only=True)
class MakePrompts:
    """`<split>.parquet` for each split."""

    dataset: Dataset
    needed: Split
    """The split that must not be empty."""

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        splits = stages.load(self.dataset, needed=self.needed)
        for split, prompts in splits.items():
            write_prompts(draft, split, prompts)
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
