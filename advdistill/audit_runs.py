"""What a finished run left, read for an audit; nothing is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from advdistill.answers import AnswerFormat
from advdistill.audit import Pool
from advdistill.budget import Budget
from advdistill.build import TARGET, build
from advdistill.errors import DataError
from advdistill.interfaces import Weighting
from advdistill.making import prompts_file, read_shards, shard_files
from advdistill.records import Prompt, Response, Reward, Split, Weight
from advdistill.tables import read_rows

STAGES, CONFIG = "stages.json", "config.yaml"


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A run's pool, and the components that made its weights."""

    folder: Path
    name: str
    components: Mapping[str, str]
    """What each group of its configuration spells, for people."""
    verifier: str
    """The class of its verifier."""
    pool: Pool
    shards: Sequence[Sequence[Response]]
    answer_format: AnswerFormat
    weighting: Weighting
    budget: Budget


def read_run(folder: Path) -> FinishedRun:
    """Return the run that a folder of `outputs/runs` holds.

    Raises:
        DataError: it is no such folder, or what the run made is gone or torn.
        ConfigError: its configuration does not fit the installed version.
    """
    stages, cfg = _opened(folder)
    artefacts = {name: _artefact(folder, stages, name) for name in ("sample", "judge", "weigh")}
    prompts = _artefact(folder, stages, "decontaminate" if "decontaminate" in stages else "load")
    shards = [read_rows(file, Response) for file in shard_files(artefacts["sample"])]
    train = read_rows(prompts_file(prompts, Split.train), Prompt)
    plain: Any = OmegaConf.to_container(cfg)
    return FinishedRun(
        folder=folder,
        name=str(cfg.name),
        components={
            str(group): _spelt(node)
            for group, node in plain.items()
            if isinstance(node, dict) and TARGET in node
        },
        verifier=str(plain["verifier"][TARGET]),
        pool=Pool(
            prompts={prompt.prompt_id: prompt for prompt in train},
            responses=[response for shard in shards for response in shard],
            rewards=read_shards(artefacts["judge"], Reward),
            weights=read_shards(artefacts["weigh"], Weight),
        ),
        shards=shards,
        answer_format=build("answer_format", cfg.answer_format, AnswerFormat),
        weighting=build("weighting", cfg.weighting, Weighting),
        budget=build("budget", cfg.budget, Budget),
    )


def _opened(folder: Path) -> tuple[dict[str, Any], DictConfig]:
    try:
        stages = json.loads((folder / STAGES).read_text())
        cfg = OmegaConf.load(folder / CONFIG)
    except (OSError, ValueError, OmegaConfBaseException, YAMLError) as error:
        below = [path for at in ("*", "*/*", "runs/*/*") for path in folder.glob(f"{at}/{STAGES}")]
        runs = sorted((path.parent for path in below), key=lambda run: run.name)
        hint = f"; did you mean {runs[-1]}, the last of {len(runs)} below it?" if runs else ""
        raise DataError(
            f"{folder} is no finished run ({error}){hint}; wanted a folder of outputs/runs with "
            f"{STAGES} and {CONFIG}, as the last lines of a run name it"
        ) from error
    if not isinstance(stages, dict) or not isinstance(cfg, DictConfig):
        raise DataError(
            f"{folder}: {STAGES} or {CONFIG} is damaged; run it again to write a new one"
        )
    return stages, cfg


def _spelt(node: Mapping[str, Any]) -> str:
    """Return a component's class and settings in one line."""
    settings = [f"{key}={value}" for key, value in node.items() if key != TARGET]
    return " ".join([str(node[TARGET]).rpartition(".")[2], *settings])


def _artefact(folder: Path, stages: dict[str, Any], name: str) -> Path:
    """Return the folder of a stage's artefact, also where the outputs were moved."""
    if name not in stages:
        raise DataError(f"{folder / STAGES} names no stage '{name}'; wanted a run that finished")
    recorded = Path(stages[name]["folder"])
    moved = folder.resolve() / "../../../cache" / recorded.parent.name / recorded.name
    for place in (recorded, moved):
        if place.is_dir():
            return place.resolve()
    raise DataError(
        f"{folder}: what stage '{name}' made is neither at {recorded} nor at {moved.resolve()}; "
        "wanted it where the run left it; give the run's command again to make it anew"
    )
