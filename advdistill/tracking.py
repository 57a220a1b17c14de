"""Where a run's curves, tables and lineage are shown: Weights & Biases, or nowhere.

Tracking is never needed: whatever fails here is one warning, and the pipeline goes on.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from advdistill.digests import files_below
from advdistill.errors import ConfigError

if TYPE_CHECKING:
    import wandb

logger = logging.getLogger(__name__)


class TrackingMode(StrEnum):
    """Where W&B sends a run; auto is online for a person who is logged in."""

    auto = "auto"
    online = "online"
    offline = "offline"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of the pipeline."""

    key: str
    """Hex sha256; its first 16 characters are the W&B run id."""
    name: str
    group: str
    """The sweep, or the name."""
    tags: tuple[str, ...]
    """Factor levels, such as `weighting=softmax`."""
    config: Mapping[str, object]
    """The resolved configuration, nested."""
    folder: Path
    """Offline runs lie below it, in W&B's own `wandb/offline-run-*`."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """Something that a run made or read, and what that was made from."""

    name: str
    type: str
    digest: str
    files: tuple[Path, ...]
    """Files and folders to add; they must stay where they are until the run is uploaded."""
    inputs: tuple[str, ...]
    """Names of the artifacts it was made from."""
    metadata: Mapping[str, object]


class Tracker(Protocol):
    """An open run."""

    def log(self, stage: str, numbers: Mapping[str, float], step: int) -> None:
        """Add one step to the stage's curves."""
        ...

    def table(
        self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Add a table."""
        ...

    def artifact(self, artifact: Artifact) -> None:
        """Add an artifact; its inputs must have been added before."""
        ...

    def summary(self, numbers: Mapping[str, float | int | str]) -> None:
        """Set the run's final numbers."""
        ...

    def finish(self, *, complete: bool) -> str | None:
        """Close the run and return its folder (offline) or address (online); None for neither."""
        ...


@runtime_checkable
class Tracking(Protocol):
    """Opens the run of a cell."""

    def open(self, cell: Cell) -> Tracker:
        """Return the cell's open run."""
        ...


@dataclass(frozen=True, kw_only=True)
class NoTracking:
    """Shows nothing."""

    def open(self, cell: Cell) -> Tracker:  # noqa: ARG002  (the interface names it)
        """Return a run that does nothing."""
        return _NoTracker()


@dataclass(frozen=True, kw_only=True)
class WandbTracking:
    """Shows the run in Weights & Biases, online or as a folder to look at and upload later."""

    project: str
    entity: str | None
    """The account or team; None for the person's own."""
    mode: TrackingMode
    samples: int
    """Rows of the table of samples."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not self.project or set(self.project) & set("/\\#?%:"):
            raise ConfigError(
                f"tracking.project is '{self.project}'; wanted a name without / \\ # ? % and :"
            )
        if self.samples < 0:
            raise ConfigError(f"tracking.samples is {self.samples}; wanted 0 or more")

    def open(self, cell: Cell) -> Tracker:
        """Return the cell's run, in place of an unfinished offline run of the same cell."""
        mode = self._mode()
        if mode == "disabled":
            return _NoTracker()
        with _wandb_environment(cell.folder):
            run = None if mode == "offline" else self._online(cell, asked=mode == "online")
            run = run or self._offline(cell)
        return _WandbTracker(run, cell.folder) if run else _NoTracker()

    def _mode(self) -> str:
        if self.mode is not TrackingMode.auto:
            return self.mode.value
        chosen = os.environ.get("WANDB_MODE") or "auto"
        return {"dryrun": "offline", "run": "online"}.get(chosen, chosen)

    def _online(self, cell: Cell, *, asked: bool) -> wandb.Run | None:
        import wandb

        try:
            wandb.setup(wandb.Settings(silent=True))
            if wandb.login(prompt=False, verify=False):
                return self._run(cell, "online")
        except Exception as error:  # tracking must never end a run, whatever W&B raises
            # A failed init leaves its run id taken until the service is gone.
            wandb.teardown()
            logger.warning("W&B cannot go online (%s); tracking offline", _first_line(error))
            return None
        if asked:
            logger.warning("not logged in to W&B; tracking offline, `wandb login` changes that")
        return None

    def _offline(self, cell: Cell) -> wandb.Run | None:
        try:
            _remove_unfinished(cell)
            return self._run(cell, "offline")
        except Exception as error:  # as above
            logger.warning("W&B does not start (%s); nothing is tracked", _first_line(error))
            return None

    def _run(self, cell: Cell, mode: Literal["online", "offline"]) -> wandb.Run:
        import wandb

        cell.folder.mkdir(parents=True, exist_ok=True)
        return wandb.init(
            project=self.project,
            entity=self.entity,
            mode=mode,
            dir=str(cell.folder.absolute()),
            id=_run_id(cell),
            name=cell.name,
            group=cell.group,
            job_type="cell",
            tags=[tag[:_TAG_CHARACTERS] for tag in dict.fromkeys(cell.tags)],
            config=flatten(cell.config),
            reinit="create_new",
            settings=_settings(),
        )


def flatten(config: Mapping[str, object]) -> dict[str, object]:
    """Return the nested settings by dotted key, without what looks like a secret."""
    flat: dict[str, object] = {}
    for key, value in config.items():
        if _is_secret(key, value):
            continue
        if isinstance(value, Mapping) and value:
            flat |= {f"{key}.{inner}": leaf for inner, leaf in flatten(value).items()}
        else:
            flat[key] = _plain(value)
    return flat


_TAG_CHARACTERS = 64
"""W&B refuses longer tags."""

_SECRET_KEY = re.compile(
    r"(?:^|_)(?:token|(?:password|passwd|secret|credential|(?:api|access|private)_?key)s?"
    r"|authorization)$"
)
_SECRET_VALUE = re.compile(
    r"\b(?:hf_|sk-|ghp_|github_pat_|wandb_v1_)[\w-]{16}|://[^/\s:@]*:[^/\s@]+@"
)


def _is_secret(key: str, value: object) -> bool:
    return bool(
        _SECRET_KEY.search(key.lower().replace("-", "_"))
        or (isinstance(value, str) and _SECRET_VALUE.search(value))
    )


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return flatten(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value if not _is_secret("", item)]
    return value if isinstance(value, str | int | float | None) else str(value)


def _run_id(cell: Cell) -> str:
    return cell.key[:16]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _remove_unfinished(cell: Cell) -> None:
    for folder in (cell.folder / "wandb").glob(f"offline-run-*-{_run_id(cell)}"):
        shutil.rmtree(folder)


def _settings() -> wandb.Settings:
    """Return settings that keep the machine, the program and the console out of the record."""
    import wandb

    return wandb.Settings(
        silent=True,
        console="off",
        host="",
        program="advdistill",
        symlink=False,
        use_dot_wandb=False,
        save_code=False,
        disable_code=True,
        disable_git=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
        init_timeout=30,
        finish_timeout=600,
    )


@contextmanager
def _wandb_environment(folder: Path) -> Iterator[None]:
    """Keep W&B's own files below `folder`, and its error reports at home, unless set otherwise."""
    place = str((folder / "wandb" / "cache").absolute())
    wanted = {"WANDB_DATA_DIR": place, "WANDB_CACHE_DIR": place, "WANDB_ERROR_REPORTING": "false"}
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


class _NoTracker:
    """A run that does nothing."""

    def log(self, stage: str, numbers: Mapping[str, float], step: int) -> None:
        """Do nothing."""

    def table(
        self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Do nothing."""

    def artifact(self, artifact: Artifact) -> None:
        """Do nothing."""

    def summary(self, numbers: Mapping[str, float | int | str]) -> None:
        """Do nothing."""

    def finish(self, *, complete: bool) -> str | None:  # noqa: ARG002  (the interface names it)
        """Return None: there is nothing to look at."""
        return None


class _WandbTracker:
    """A run of W&B; the first failure is a warning, later ones are silent."""

    def __init__(self, run: wandb.Run, folder: Path) -> None:
        self._run = run
        self._folder = folder
        self._stages: set[str] = set()
        self._digests: dict[str, str] = {}
        self._logged: dict[str, wandb.Artifact] = {}
        self._failed = False

    def log(self, stage: str, numbers: Mapping[str, float], step: int) -> None:
        """Add one step to the stage's curves, which have a step of their own."""
        with self._guard(f"curves of {stage}"):
            if stage not in self._stages:
                self._run.define_metric(f"{stage}/*", step_metric=f"{stage}/step")
                self._stages.add(stage)
            named = {f"{stage}/{name}": number for name, number in numbers.items()}
            self._run.log({**named, f"{stage}/step": step})
