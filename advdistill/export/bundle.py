"""The folder that is exported: the model's files, its card, and what replays the run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from advdistill.cache import writing
from advdistill.compare.runs import FinishedRun
from advdistill.digests import digest_of_file
from advdistill.errors import ConfigError, DataError
from advdistill.export.card import model_card
from advdistill.export.versions import constraints

MODEL, ADAPTER, REPLAY = "model", "adapter", "replay"
_HYDRA = {
    "run": {"dir": "."},
    "output_subdir": None,
    "job_logging": {
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {"advdistill": {"level": "INFO"}, "lm_eval": {"level": "ERROR"}},
        "formatters": {"simple": {"format": "%(message)s"}},
    },
}
"""As conf/config.yaml has it: a run leaves nothing where it is called but its outputs."""
_DEFAULTS = ["_self_", {"override hydra/job_logging": "stdout"}]


def export(run: FinishedRun, folder: Path) -> Path:
    """Write the folder, which appears whole or not at all; return it.

    Raises:
        ConfigError: there is something at that place already.
        DataError: a file of the model is gone, or is not the one that was scored.
        StageError: the folder cannot be written.
    """
    if folder.exists():
        raise ConfigError(f"export: {folder} exists; wanted a folder to be made; give -o FOLDER")
    draft = folder.with_name(f"{folder.name}.draft")
    with writing("export", folder.resolve().parent):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        _copy_model(run, draft)
        (draft / "README.md").write_text(model_card(run), encoding="utf-8")
        _write_replay(run, draft / REPLAY)
        draft.replace(folder)
    return folder


def _copy_model(run: FinishedRun, draft: Path) -> None:
    train = run.stages["train"]
    for name, target in _targets(train.files):
        source = train.folder / name
        if not source.is_file() or digest_of_file(source) != train.files[name]:
            found = "is not the file that was scored" if source.is_file() else "is gone"
            raise DataError(
                f"{source} {found}; wanted the student of {run.folder}; give the run's command "
                "again, which makes it anew"
            )
        place = draft / target
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)


def _targets(names: Any) -> Iterator[tuple[str, Path]]:
    """Yield the files of the model and where they go; an adapter keeps its folder."""
    for name in names:
        first, *rest = Path(name).parts
        if first == MODEL:
            yield name, Path(*rest)
        elif first == ADAPTER:
            yield name, Path(name)


def _write_replay(run: FinishedRun, folder: Path) -> None:
    folder.mkdir()
    replayed = {
        "defaults": _DEFAULTS,
        **run.config,
        "outputs": "outputs",
        "hydra": _HYDRA,
    }
    digests = {name: stage.digest for name, stage in run.stages.items()}
    texts = {
        "replay.yaml": yaml.safe_dump(replayed, sort_keys=False, allow_unicode=False),
        "digests.json": json.dumps({"cell": run.key, **digests}, indent=1) + "\n",
        "constraints.txt": "\n".join(constraints()) + "\n",
        "README.md": _replay_card(run),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def _replay_card(run: FinishedRun) -> str:
    environment = Environment(
        loader=PackageLoader("advdistill.export"),
        autoescape=False,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template("replay.md.jinja").render(
        key=run.key, version=version("advdistill")
    )
