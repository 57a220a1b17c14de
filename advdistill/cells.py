"""What a finished cell leaves for people: its record, run folder and what the tracker is told."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from omegaconf import OmegaConf

from advdistill.cache import Artefact
from advdistill.compare.mcnemar import Discordance, exact_mcnemar
from advdistill.config import Plan
from advdistill.digests import digest_of_json, settings_of
from advdistill.making import prompts_file, shard_files
from advdistill.pools import TOTAL
from advdistill.records import Item, Prompt, Response, Reward, Score, Split, Weight
from advdistill.tables import read_rows
from advdistill.tracking import Artifact

ROLES = ("teacher", "base", "student")
_INPUTS = {
    "load": (),
    "sample": ("load",),
    "judge": ("load", "sample"),
    "weigh": ("sample", "judge"),
    "train": ("load", "sample", "weigh"),
    "evaluate/student": ("load", "train"),
}
_NAMES = {
    "load": "prompts",
    "sample": "pool",
    "judge": "verdicts",
    "weigh": "weights",
    "train": "student",
    "evaluate/student": "scores",
}


@dataclass(frozen=True, kw_only=True)
class ModelScore:
    """One line of the final table."""

    role: str
    items: int
    accuracy: float
    stderr: float
    truncated: float
    unparsed: float


@dataclass(frozen=True, kw_only=True)
class Record:
    """A finished cell, as its run folder keeps it."""

    key: str
    run: str
    """The run folder."""
    digests: Mapping[str, str]
    scores: Sequence[ModelScore]
    against_base: Discordance | None
    """Student (first) against base student (second), on the same items."""
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
    items = {role: _items(artefacts, role) for role in ROLES if f"evaluate/{role}" in artefacts}
    both = items if {"student", "base"} <= items.keys() else None
    record = Record(
        key=plan.key,
        run=str(folder),
        digests={name: artefact.digest for name, artefact in artefacts.items()},
        scores=[_model_score(artefacts, role) for role in items],
        against_base=exact_mcnemar(both["student"], both["base"]) if both else None,
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
    for role in ROLES:
        if f"evaluate/{role}" in artefacts:
            score = _model_score(artefacts, role)
            named = {name: value for name, value in asdict(score).items() if name != "role"}
            summary |= {f"{role}/{name}": value for name, value in named.items()}
    for verdict, count in artefacts["judge"].meta["verdicts"].items():
        summary[f"pool/{verdict}"] = count
    return summary


def samples_table(
    artefacts: Mapping[str, Artefact], count: int
) -> tuple[list[str], list[list[object]]]:
    """Return the first answers of the pool with their verdicts and weights."""
    pool = read_rows(shard_files(artefacts["sample"].folder)[0], Response)[:count]
    prompts = {
        prompt.prompt_id: prompt
        for prompt in read_rows(prompts_file(artefacts["load"].folder, Split.train), Prompt)
    }
    rewards = {
        (reward.prompt_id, reward.sample): reward
        for reward in read_rows(artefacts["judge"].folder / "rewards.parquet", Reward)
        if reward.rule == TOTAL
    }
    weights = {
        (weight.prompt_id, weight.sample): weight.value
        for weight in read_rows(artefacts["weigh"].folder / "weights.parquet", Weight)
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
            inputs=tuple(_NAMES[name] for name in inputs),
            metadata=artefacts[stage].meta,
        )
        for stage, inputs in _INPUTS.items()
        if stage in artefacts
    ]


def _model_score(artefacts: Mapping[str, Artefact], role: str) -> ModelScore:
    rows = read_rows(artefacts[f"evaluate/{role}"].folder / "scores.parquet", Score)
    scores = {score.metric: score for score in rows}
    accuracy = scores["accuracy"]
    return ModelScore(
        role=role,
        items=accuracy.items,
        accuracy=accuracy.value,
        stderr=accuracy.stderr or 0.0,
        truncated=scores["truncated"].value,
        unparsed=scores["unparsed"].value,
    )


def _items(artefacts: Mapping[str, Artefact], role: str) -> list[Item]:
    return read_rows(artefacts[f"evaluate/{role}"].folder / "items.parquet", Item)


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
        against_base=None if against is None else Discordance(**against),  # type: ignore[arg-type]
    )


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".tmp")
    draft.write_text(json.dumps(value, indent=1))
    draft.replace(path)
