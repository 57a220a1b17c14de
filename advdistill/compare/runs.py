"""A finished run's folder, read for comparison: settings, digests, scores and items."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from advdistill.build import TARGET
from advdistill.cache import CURVES, MANIFEST, read_curves
from advdistill.cells import ModelScore
from advdistill.digests import digest_of_file
from advdistill.errors import DataError
from advdistill.records import Item
from advdistill.shipped import option_of
from advdistill.tables import read_rows

CONFIG, RECORD, STAGES = "config.yaml", "record.json", "stages.json"
ITEMS = "items.parquet"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What one stage of a run made."""

    name: str
    """Such as `train`, `evaluate/student` or `evaluate/base/svamp`."""
    folder: Path
    digest: str
    """Of the content, as the run recorded it."""
    line: str
    """The conservation line."""
    version: int
    """Of the stage's code."""
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]
    """Digests of what it was made from."""
    files: Mapping[str, str]
    """sha256 by relative path, as its manifest says."""
    meta: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """One cell as its run folder tells of it; items are read when asked for."""

    folder: Path
    name: str
    key: str
    seed: int
    choices: Mapping[str, str]
    """By group: the option, and what of it differs from its YAML."""
    config: Mapping[str, Any]
    """The resolved configuration."""
    stages: Mapping[str, Stage]
    scores: tuple[ModelScore, ...]
    """Those on the run's own data set first."""

    @property
    def digests(self) -> Mapping[str, str]:
        """The content digest of what each stage made."""
        return {name: stage.digest for name, stage in self.stages.items()}

    @property
    def training(self) -> Mapping[str, float]:
        """Steps, tokens, examples used and the like of its training."""
        meta = self.stages["train"].meta
        return {name: value for name, value in meta.items() if isinstance(value, int | float)}

    @property
    def curves(self) -> list[dict[str, float]]:
        """What its training reported, in the order of the steps; nothing where that is gone."""
        path = self.stages["train"].folder / CURVES
        return read_curves(path) if path.exists() else []

    @property
    def tasks(self) -> tuple[str, ...]:
        """The evaluated data sets, its own first."""
        return tuple(dict.fromkeys(score.task for score in self.scores))

    def roles(self, task: str) -> tuple[str, ...]:
        """Return who was scored on a data set: teacher, base and student, as far as there are."""
        return tuple(score.role for score in self.scores if score.task == task)

    def evaluation(self, task: str, role: str) -> Stage:
        """Return the stage that scored a role on a data set."""
        own = task == self.tasks[0]
        return self.stages[f"evaluate/{role}" if own else f"evaluate/{role}/{task}"]

    def test_digest(self, task: str) -> str:
        """Return the digest of the test problems: another one is another version of the set."""
        return self.evaluation(task, "student").inputs["prompts"]

    def items(self, task: str, role: str) -> list[Item]:
        """Return every answer of a role to a data set, with its verdict.

        Raises:
            DataError: the file is gone, or is not the one that the run's scores come from.
        """
        stage = self.evaluation(task, role)
        path = stage.folder / ITEMS
        if not path.is_file() or digest_of_file(path) != stage.files[ITEMS]:
            found = "is not the file that was scored" if path.is_file() else "is gone"
            raise DataError(
                f"{path} {found}; wanted the answers of '{stage.name}' of {self.folder}; give the "
                "run's command again, which makes them anew"
            )
        return read_rows(path, Item)


def read_run(folder: Path) -> FinishedRun:
    """Return the run that a folder of `outputs/runs` holds, also where the outputs were moved.

    Raises:
        DataError: it is no such folder, or what the run made is gone or was made anew since.
    """
    folder = folder.resolve()
    record, stages, config = _opened(folder)
    try:
        return FinishedRun(
            folder=folder,
            name=str(config["name"]),
            key=str(record["key"]),
            seed=int(config["seed"]),
            choices={
                group: option_of(group, node)
                for group, node in config.items()
                if isinstance(node, dict) and TARGET in node
            },
            config=config,
            stages={name: _stage(folder, name, row) for name, row in stages.items()},
            scores=tuple(ModelScore(**score) for score in record["scores"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{folder}: {RECORD}, {STAGES} or {CONFIG} is damaged ({error!r}); wanted them as the "
            "run wrote them; give its command again to write new ones"
        ) from error


def _opened(folder: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    try:
        record = json.loads((folder / RECORD).read_text())
        stages = json.loads((folder / STAGES).read_text())
        # a resolved configuration is plain YAML; OmegaConf takes ten times as long to read it
        config: Any = yaml.load((folder / CONFIG).read_text(), Loader=yaml.CSafeLoader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DataError(
            f"{folder} is no finished run ({error}); wanted a folder of outputs/runs with "
            f"{RECORD}, {STAGES} and {CONFIG}, as the last lines of a run name it"
        ) from error
    if not all(isinstance(one, dict) for one in (record, stages, config)):
        raise DataError(
            f"{folder}: {RECORD}, {STAGES} or {CONFIG} is damaged; give the run's command again to "
            "write new ones"
        )
    return record, stages, config


def _stage(folder: Path, name: str, row: Mapping[str, Any]) -> Stage:
    place = _place(folder, name, Path(row["folder"]))
    manifest = json.loads((place / MANIFEST).read_text())
    if manifest["digest"] != row["digest"]:
        raise DataError(
            f"{folder}: what '{name}' made lies at {place} with other content than the run "
            f"recorded (digest {manifest['digest'][:12]}, recorded {row['digest'][:12]}); wanted "
            "what its scores come from; give the run's command again to write a new record"
        )
    return Stage(
        name=name,
        folder=place,
        digest=row["digest"],
        line=row["line"],
        version=manifest["recipe"]["version"],
        settings=manifest["recipe"]["settings"],
        inputs=manifest["recipe"]["inputs"],
        files=manifest["files"],
        meta=manifest["meta"],
    )


def _place(folder: Path, name: str, recorded: Path) -> Path:
    moved = folder / "../../../cache" / recorded.parent.name / recorded.name
    for place in (recorded, moved):
        if (place / MANIFEST).is_file():
            return place.resolve()
    raise DataError(
        f"{folder}: what stage '{name}' made is neither at {recorded} nor at {moved.resolve()}; "
        "wanted it where the run left it; give the run's command again to make it anew"
    )
