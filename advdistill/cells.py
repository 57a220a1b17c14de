"""What a finished cell leaves for people: its record, run folder and what the tracker is told."""

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
from advdistill.making import PromptsInStep, shard_file
from advdistill.records import TOTAL, Item, Response, Reward, Score, Verdict, Weight
from advdistill.statistics.mcnemar import Discordance, exact_mcnemar
from advdistill.tables import read_rows
from advdistill.tracking import Artifact

_INPUTS = {
    "load": (),
    "decontaminate": ("load",),
    "sample": ("load", "decontaminate"),
    "judge": ("load", "sample"),
    "weigh": ("sample", "judge"),
    "tokenise": ("load", "sample"),
    "refer": ("sample", "tokenise"),
    "train": ("load", "sample", "judge", "weigh", "tokenise", "refer"),
    "evaluate/student": ("load", "train"),
}
_NAMES = {
    "load": "prompts",
    "decontaminate": "clean-prompts",
    "sample": "pool",
    "judge": "verdicts",
    "weigh": "weights",
    "tokenise": "tokens",
    "refer": "references",
    "train": "student",
    "evaluate/student": "scores",
}

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


def write_record(plan: Plan, artefacts: Mapping[str, Artefact], *, tracked: str | None) -> Record:
    """Write the run folder, then the cell's marker; return the record."""
    folder = _run_folder(plan)
    scores = _model_scores(artefacts)
    record = Record(
        key=plan.key,
        run=str(folder),
        digests={name: artefact.digest for name, artefact in artefacts.items()},
        scores=scores,
        against_base=_against_base(artefacts, scores) if plan.evaluation.samples == 1 else {},
        tracking=digest_of_json(settings_of(plan.tracking)),
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


def summary_of(artefacts: Mapping[str, Artefact]) -> dict[str, float | int | str]:
    """Return the scores under names that are the same in every run."""
    summary: dict[str, float | int | str] = {}
    scores = _model_scores(artefacts)
    for score in scores:
        own = score.task == scores[0].task
        prefix = score.role if own else f"{score.role}/{score.task}"
        numbers = {"items": score.items, "accuracy": score.accuracy, "stderr": score.stderr}
        shares = {"truncated": score.truncated, "unparsed": score.unparsed}
        for name, value in {**numbers, **shares, **score.more}.items():
            summary[f"{prefix}/{name}"] = value
    for verdict, count in artefacts["judge"].meta["verdicts"].items():
        summary[f"pool/{verdict}"] = count
    for name, value in artefacts["weigh"].meta["health"].items():
        summary[f"weights/{name}"] = value
    for name, value in training_of(artefacts["train"]).items():
        summary[f"training/{name}"] = value
    return summary


def training_of(student: Artefact) -> dict[str, float]:
    """Return the counts of a training and how far its gradient was from the plain one."""
    counts = {name: value for name, value in student.meta.items() if isinstance(value, int | float)}
    gaps = {name: row[name] for row in student.curves for name in _PROOF if name in row}
    return {**counts, **gaps}


def samples_table(
    artefacts: Mapping[str, Artefact], count: int
) -> tuple[list[str], list[list[object]]]:
    """Return the first answers of the pool with their verdicts and weights."""
    pool = read_rows(shard_file(artefacts["sample"].folder, 0), Response)[:count]
    prompts = PromptsInStep(artefacts["load"].folder).of(row.prompt_id for row in pool)
    rewards = {
        (reward.prompt_id, reward.sample): reward
        for reward in read_rows(shard_file(artefacts["judge"].folder, 0), Reward)
        if reward.rule == TOTAL
    }
    weights = {
        (weight.prompt_id, weight.sample): weight.value
        for weight in read_rows(shard_file(artefacts["weigh"].folder, 0), Weight)
    }
    columns = ["prompt_id", "sample", "question", "gold", "response", "verdict", "answer", "weight"]
    rows: list[list[object]] = []
    for response in pool:
        key = (response.prompt_id, response.sample)
        prompt, reward = prompts[response.prompt_id], rewards[key]
        rows.append(
            [
                *key, prompt.question, prompt.answer, response.text, reward.verdict.value,
                reward.answer, weights[key],
            ]
        )  # fmt: skip
    return columns, rows


def tracked_artifacts(artefacts: Mapping[str, Artefact]) -> list[Artifact]:
    """Return the chain from prompts to scores, each naming what it was made from."""
    return [
        Artifact(
            name=_NAMES[stage],
            type="model" if stage == "train" else "dataset",
            digest=artefacts[stage].digest,
            files=tuple(artefacts[stage].folder / name for name in artefacts[stage].files),
            inputs=tuple(_NAMES[name] for name in inputs if name in artefacts),
            metadata=artefacts[stage].meta,
        )
        for stage, inputs in _INPUTS.items()
        if stage in artefacts
    ]


def _model_scores(artefacts: Mapping[str, Artefact]) -> list[ModelScore]:
    """Return the scores of every evaluated model, those on the run's own data set first."""
    return [
        _model_score(name.split("/")[1], artefact)
        for name, artefact in artefacts.items()
        if name.startswith("evaluate/")
    ]


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
