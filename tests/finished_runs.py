"""Run folders of cells that never ran, written by the pipeline's own writers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advdistill.cache import Artefact, Cache, Recipe
from advdistill.cells import write_record
from advdistill.config import Plan, plan_of
from advdistill.digests import digest_of_json, settings_of
from advdistill.evaluation.metrics import item_scores, mean_score
from advdistill.records import Finish, Item, Score, Verdict
from advdistill.stages import VERSIONS
from advdistill.tables import write_rows
from tests.builders import composed

TASK = "quickstart"
_EVALUATED = f"advdistill_{TASK}"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is made up of a cell; the rest is that of `quickstart_small`."""

    right: Sequence[bool]
    """Of the student, by item."""
    read: Sequence[Sequence[str]] | None = None
    """What the student's answers to each item read as, the right one being "1"; instead of
    `right`."""
    weighting: str = "uniform"
    seed: int = 0
    overrides: tuple[str, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    """Set after composing: quick, and the same object for all."""
    pool: str = "pool"
    test_set: str = "test set"
    tokens: int = 1000
    item_ids: Sequence[str] | None = None
    base: Sequence[bool] | None = None


def write_run(outputs: Path, cell: Cell) -> Path:
    """Write the artefacts and the run folder of a cell; return the folder."""
    spelt = (f"weighting={cell.weighting}", *cell.overrides)
    plan = _plan(outputs, spelt, tuple(cell.settings.items()))
    seeded = replace(
        plan,
        settings=replace(plan.settings, seed=cell.seed),
        config=_seeded(plan.config, cell.seed),
    )
    return Path(write_record(seeded, _artefacts(seeded, cell), group="g", tracked=None).run)


def answers(rng: np.random.Generator, shares: NDArray[np.float64]) -> list[bool]:
    """Return which items are right, each with its own probability."""
    return [bool(one) for one in rng.random(len(shares)) < shares]


@cache
def _plan(outputs: Path, spelt: tuple[str, ...], settings: tuple[tuple[str, object], ...]) -> Plan:
    """Return the plan of seed 0, from which those of other seeds differ in the seed alone."""
    cfg = composed("+experiment=quickstart_small", *spelt)
    cfg.outputs = str(outputs)
    for name, value in settings:
        cfg[name] = value
    return plan_of(cfg, {})


def _seeded(config: Mapping[str, object], seed: int) -> dict[str, object]:
    """Return the configuration with the seed wherever it is that of the run."""
    of_run = {
        group: {**node, "seed": seed}
        for group, node in config.items()
        if group in ("student", "weighting") and isinstance(node, dict) and "seed" in node
    }
    return {**config, **of_run, "seed": seed}


def _artefacts(plan: Plan, cell: Cell) -> dict[str, Artefact]:
    store = Cache(plan.outputs / "cache")
    names = {
        "load": cell.test_set,
        "sample": cell.pool,
        "judge": cell.pool,
        "weigh": cell.weighting,
    }
    made = {name: _artefact(store, name, {name: text}, {}) for name, text in names.items()}
    student = f"{cell.weighting} {cell.seed} {plan.key}"
    made["train"] = _artefact(
        store,
        "train",
        {"model/weights": student},
        {"prompts": "training problems", "weights": digest_of_json(student)},
        tokens=cell.tokens,
        steps=12,
        best_step=9,
    )
    student_read = cell.read or _read(cell.right)
    item_ids = cell.item_ids or [f"{TASK}/test/{n:05}" for n in range(len(student_read))]
    base = cell.base if cell.base is not None else [n % 3 == 0 for n in range(len(student_read))]
    samples = max(map(len, student_read), default=1)
    for role, read in (("base", _read(base, samples)), ("student", student_read)):
        made[f"evaluate/{role}"] = _scores(store, plan, cell, role, dict(zip(item_ids, read)))  # noqa: B905
    return made


def _read(right: Sequence[bool], samples: int = 1) -> list[Sequence[str]]:
    return ["1" * samples if one else "0" * samples for one in right]


def _artefact(
    store: Cache, stage: str, files: Mapping[str, str], inputs: Mapping[str, str], **meta: object
) -> Artefact:
    def make(draft: Path) -> Mapping[str, object]:
        for name, text in files.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).write_text(text)
        return {"line": f"made up for {stage}", **meta}

    recipe = Recipe(
        stage=stage, version=VERSIONS[stage], settings={"files": dict(files)}, inputs=inputs
    )
    return store.make(recipe, make)


def _scores(
    store: Cache, plan: Plan, cell: Cell, role: str, read: Mapping[str, Sequence[str]]
) -> Artefact:
    groups = ("evaluation", "verifier", "answer_format")
    recipe = Recipe(
        stage="evaluate",
        version=VERSIONS["evaluate"],
        settings={group: settings_of(getattr(plan, group)) for group in groups},
        inputs={
            "prompts": digest_of_json(cell.test_set),
            "model": digest_of_json([role, [*read.items()], cell.seed, cell.weighting, plan.key]),
        },
    )
    items = [
        _item(item_id, sample, answer)
        for item_id, answers in read.items()
        for sample, answer in enumerate(answers)
    ]

    def make(draft: Path) -> Mapping[str, object]:
        write_rows(draft / "items.parquet", Item, [items])
        write_rows(draft / "scores.parquet", Score, [_score_rows(items)])
        return {"line": f"{len(items)} items"}

    return store.make(recipe, make)


def _item(item_id: str, sample: int, answer: str) -> Item:
    return Item(
        task=_EVALUATED,
        item_id=item_id,
        sample=sample,
        verdict=Verdict.passed if answer == "1" else Verdict.failed,
        answer=answer,
        response=f"#### {answer}",
        finish=Finish.stop,
    )


def _score_rows(items: Sequence[Item]) -> list[Score]:
    right = {(one.item_id, one.sample): float(one.verdict is Verdict.passed) for one in items}
    return [mean_score(_EVALUATED, "accuracy", right), *item_scores(_EVALUATED, items)]
