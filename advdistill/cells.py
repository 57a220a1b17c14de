"""What a finished cell leaves for people: its record and its run folder."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from omegaconf import OmegaConf

from advdistill.cache import Artefact
from advdistill.config import Plan
from advdistill.digests import digest_of_json, settings_of
from advdistill.forgetting import logprobs_of
from advdistill.records import Item, Score, Verdict
from advdistill.statistics.mcnemar import Discordance, exact_mcnemar
from advdistill.tables import read_rows

_PROOF = ("proof_loss_gap", "proof_gradient_gap")
"""Reported once, before the first step."""


@dataclass(frozen=True, kw_only=True)
class ModelScore:
    """One line of the final table."""

    role: str
    task: str
    """The evaluated data set."""
    items: int
    accuracy: float
    stderr: float
    truncated: float
    unparsed: float
    more: Mapping[str, float]
    """What else was measured: pass@k, log-likelihood, the stock task's score of these answers."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A finished cell, as its run folder keeps it."""

    key: str
    run: str
    """The run folder."""
    digests: Mapping[str, str]
    scores: Sequence[ModelScore]
    against_base: Mapping[str, Discordance]
    """By task: student (first) against base student (second) on the same items, one answer each."""
    tracking: str
    """Digest of the tracking's settings."""
    group: str
    """What it was tracked as a part of."""
    tracked: str | None
    """Folder or address of the tracked run."""


def marker_file(plan: Plan) -> Path:
    """Return where the record of the plan's cell is looked up."""
    return plan.outputs / "cells" / f"{plan.key[:32]}.json"


def find_record(plan: Plan, artefacts: Mapping[str, Artefact]) -> Record | None:
    """Return the record of this cell if its artefacts are still the same."""
    try:
        raw = json.loads(marker_file(plan).read_text())
        record = _record(raw)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    same = record.digests == {name: artefact.digest for name, artefact in artefacts.items()}
    return record if same and Path(record.run).is_dir() else None


def write_record(
    plan: Plan, artefacts: Mapping[str, Artefact], *, group: str, tracked: str | None
) -> Record:
    """Write the run folder, then the cell's marker; return the record."""
    folder = _run_folder(plan)
    scores = model_scores(artefacts)
    record = Record(
        key=plan.key,
        run=str(folder),
        digests={name: artefact.digest for name, artefact in artefacts.items()},
        scores=scores,
        against_base=_against_base(artefacts, scores) if plan.evaluation.samples == 1 else {},
        tracking=digest_of_json(settings_of(plan.tracking)),
        group=group,
        tracked=tracked,
    )
    OmegaConf.save(OmegaConf.create(dict(plan.config)), folder / "config.yaml")
    stages = {
        name: {
            "folder": str(artefact.folder),
            "digest": artefact.digest,
            "line": artefact.meta["line"],
        }
        for name, artefact in artefacts.items()
    }
    _write(folder / "stages.json", stages)
    _write(folder / "record.json", asdict(record))
    _write(marker_file(plan), asdict(record))
    return record


def model_scores(artefacts: Mapping[str, Artefact]) -> list[ModelScore]:
    """Return the scores of every evaluated model, those on the run's own data set first."""
    return [
        _model_score(name.split("/")[1], artefact)
        for name, artefact in artefacts.items()
        if name.startswith("evaluate/")
    ]


def training_of(student: Artefact) -> dict[str, float]:
    """Return the counts of a training, its proof and how likely it made right and wrong answers."""
    counts = {name: value for name, value in student.meta.items() if isinstance(value, int | float)}
    curves = student.curves
    gaps = {name: row[name] for row in curves for name in _PROOF if name in row}
    return {**counts, **gaps, **logprobs_of(curves, counts.get("best_step"))}


def _model_score(role: str, artefact: Artefact) -> ModelScore:
    rows = read_rows(artefact.folder / "scores.parquet", Score)
    (accuracy,) = [score for score in rows if score.metric == "accuracy"]
    own = {score.metric: score.value for score in rows if score.task == accuracy.task}
    others = {
        f"{score.task.removeprefix(accuracy.task).strip('_')}/{score.metric}": score.value
        for score in rows
        if score.task != accuracy.task
    }
    shown = {"accuracy", *(verdict.value for verdict in Verdict)}
    return ModelScore(
        role=role,
        task=accuracy.task.removeprefix("advdistill_"),
        items=accuracy.items,
        accuracy=accuracy.value,
        stderr=accuracy.stderr or 0.0,
        truncated=own[Verdict.truncated.value],
        unparsed=own[Verdict.unparsed.value],
        more={**{name: own[name] for name in own if name not in shown}, **others},
    )


def _against_base(
    artefacts: Mapping[str, Artefact], scores: Sequence[ModelScore]
) -> dict[str, Discordance]:
    """Return, by task, how student and base student differ where both were evaluated."""
    found: dict[str, Discordance] = {}
    for score in scores:
        suffix = "" if score.task == scores[0].task else f"/{score.task}"
        pair = [f"evaluate/{role}{suffix}" for role in ("student", "base")]
        if score.role == "student" and all(name in artefacts for name in pair):
            items = [read_rows(artefacts[name].folder / "items.parquet", Item) for name in pair]
            found[score.task] = exact_mcnemar(*items)
    return found


def _run_folder(plan: Plan) -> Path:
    stem = plan.outputs / "runs" / plan.settings.name / time.strftime("%Y-%m-%d_%H-%M-%S")
    number = 0
    while True:
        folder = stem.with_name(f"{stem.name}-{number}") if number else stem
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return folder


def _record(raw: dict[str, object]) -> Record:
    against = raw.pop("against_base")
    scores = raw.pop("scores")
    return Record(
        **raw,  # type: ignore[arg-type]
        scores=[ModelScore(**score) for score in scores],  # type: ignore[attr-defined]
        against_base={task: Discordance(**one) for task, one in against.items()},  # type: ignore[attr-defined]
    )


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".tmp")
    draft.write_text(json.dumps(value, indent=1))
    draft.replace(path)
