"""Finished cells built by hand: artefacts of a few rows in a real cache, no model anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill.cache import CURVES, Artefact, Cache, Recipe
from advdistill.config import Plan, plan_of
from advdistill.making import shard_file, write_prompts
from advdistill.records import TOTAL, Item, Response, Reward, Score, Split, Verdict, Weight
from advdistill.stages import VERSIONS
from advdistill.tables import write_rows
from tests.builders import composed, item, prompt, response, reward

PROMPTS = tuple(prompt(f"p/train/{number}", question=f"{number} + 1?") for number in range(3))
RESPONSES = tuple(response(one.prompt_id, sample) for one in PROMPTS for sample in range(2))
VERDICTS = (Verdict.passed, Verdict.failed)
"""By sample."""
LOSSES = (3.0, 1.0, 2.0)
ITEMS = 10
RIGHT = {"teacher": 9, "base": 3}
"""Of the items."""


@dataclass(frozen=True, kw_only=True)
class FinishedCell:
    """A cell, and what its stages made."""

    plan: Plan
    artefacts: Mapping[str, Artefact]


def finished_cell(outputs: Path, weighting: str, seed: int, *, right: int) -> FinishedCell:
    """Return a cell whose student gets `right` items right; cells share whatever is equal."""
    cache = Cache(outputs / "cache")
    per_answer = {"uniform": 0.5, "softmax": 0.25}[weighting]
    made = {
        "load": _make(cache, "load", {}, _write_prompts, line="3 prompts"),
        "sample": _make(
            cache,
            "sample",
            {},
            lambda draft: _shard(draft, Response, RESPONSES),
            answers=len(RESPONSES),
        ),
        "judge": _make(
            cache,
            "judge",
            {},
            lambda draft: _shard(draft, Reward, rewards()),
            verdicts={verdict.value: 3 * (verdict in VERDICTS) for verdict in Verdict},
        ),
        "weigh": _make(
            cache,
            "weigh",
            {"weighting": weighting},
            lambda draft: _shard(draft, Weight, weights(per_answer)),
            health={"effective_samples": 6 * per_answer, "negative_share": 0.0},
        ),
        "train": _make(
            cache,
            "train",
            {"weighting": weighting, "seed": seed},
            lambda draft: _write_student(draft, f"{weighting} {seed}"),
            steps=len(LOSSES),
            tokens=60,
        ),
    }
    for role, count in {**RIGHT, "student": right}.items():
        made[f"evaluate/{role}"] = _make(
            cache,
            "evaluate",
            {"role": role, "right": count, "of": f"{weighting} {seed}" * (role == "student")},
            lambda draft, count=count: _write_scores(draft, count),
        )
    cfg = composed(f"weighting={weighting}", f"seed={seed}", "name=grid")
    cfg.outputs = str(outputs)
    plan = plan_of(cfg, {"weighting": weighting, "objective": "weighted_nll"})
    return FinishedCell(plan=plan, artefacts=made)


def rewards() -> list[Reward]:
    """Return the pool's verdicts."""
    return [
        reward(one.prompt_id, one.sample, verdict=VERDICTS[one.sample], rule=TOTAL)
        for one in RESPONSES
    ]


def weights(per_answer: float) -> list[Weight]:
    """Return the pool's weights, by sample."""
    return [
        Weight(prompt_id=one.prompt_id, sample=one.sample, value=per_answer * (one.sample + 1))
        for one in RESPONSES
    ]


def _make(
    cache: Cache,
    stage: str,
    settings: Mapping[str, object],
    write: Callable[[Path], object],
    *,
    line: str = "done",
    **meta: object,
) -> Artefact:
    def make(draft: Path) -> Mapping[str, object]:
        write(draft)
        return {"line": line, **meta}

    return cache.make(
        Recipe(stage=stage, version=VERSIONS[stage], settings=settings, inputs={}), make
    )


def _write_prompts(draft: Path) -> None:
    write_prompts(draft, Split.train, PROMPTS)


def _shard(draft: Path, record: type, rows: Sequence[object]) -> None:
    path = shard_file(draft, 0)
    path.parent.mkdir(parents=True)
    write_rows(path, record, [rows])


def _write_student(draft: Path, text: str) -> None:
    (draft / "model").mkdir()
    (draft / "model" / "weights").write_text(text)
    with (draft / CURVES).open("w") as file:
        for step, loss in enumerate(LOSSES):
            row = {"step": step, "loss": loss, "dev_accuracy": 1 / (1 + loss)}
            file.write(json.dumps(row) + "\n")


def _write_scores(draft: Path, right: int) -> None:
    verdicts = [Verdict.passed] * right + [Verdict.failed] * (ITEMS - right)
    items = [item(f"p/test/{number}", verdict) for number, verdict in enumerate(verdicts)]
    write_rows(draft / "items.parquet", Item, [items])
    shares = {verdict.value: verdicts.count(verdict) / ITEMS for verdict in Verdict}
    scores = [
        Score(task="advdistill_grid", metric=name, value=value, stderr=0.1, items=ITEMS)
        for name, value in {"accuracy": right / ITEMS, **shares}.items()
    ]
    write_rows(draft / "scores.parquet", Score, [scores])
