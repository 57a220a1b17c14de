"""Where a run's curves, tables and lineage are shown: Weights & Biases, or nowhere.

Tracking is never needed: whatever fails here is one warning, and the pipeline goes on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from advdistill.errors import ConfigError


class TrackingMode(StrEnum):
    """Where W&B sends a run; auto is online for a person who is logged in."""

    auto = "auto"
    online = "online"
    offline = "offline"


class Job(StrEnum):
    """What a tracked run is of."""

    cell = "cell"
    compare = "compare"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of the pipeline, or of the comparison."""

    key: str
    """Hex sha256; its first 16 characters are the W&B run id."""
    name: str
    group: str
    """The sweep, or the name."""
    levels: Mapping[str, str]
    """The option of each factor, the seed among them: tags such as `weighting=softmax` and
    columns such as `levels/weighting`."""
    config: Mapping[str, object]
    """The resolved configuration, nested."""
    folder: Path
    """The outputs folder. Offline runs lie below it, in W&B's own `wandb/offline-run-*`."""
    job: Job = Job.cell

    @property
    def run_id(self) -> str:
        """The W&B run's id."""
        return self.key[:16]

    @property
    def tags(self) -> tuple[str, ...]:
        """One for each factor, such as `weighting=softmax`."""
        return tuple(f"{factor}={option}" for factor, option in self.levels.items())


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

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Add a table."""
        ...

    def artifact(self, artifact: Artifact) -> None:
        """Add an artifact; its inputs must have been added before."""
        ...

    def bars(self, name: str, title: str, rows: Sequence[tuple[str, float]]) -> None:
        """Add a bar chart of labelled numbers."""
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

    @property
    def samples(self) -> int:
        """Rows of the table of sample answers; 0 for no table."""
        ...

    def open(self, cell: Cell) -> Tracker:
        """Return the cell's open run."""
        ...


@dataclass(frozen=True, kw_only=True)
class NoTracking:
    """Shows nothing."""

    @property
    def samples(self) -> int:
        """No table."""
        return 0

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
        # Only here, because W&B takes seconds to import and a cached cell never opens a run.
        from advdistill.wandb_runs import open_run

        levels = {level_column(factor): option for factor, option in cell.levels.items()}
        told = replace(cell, config={**flatten(cell.config), **levels, "cell": cell.run_id})
        return open_run(told, project=self.project, entity=self.entity, mode=mode) or _NoTracker()

    def _mode(self) -> str:
        """Return auto, online, offline or disabled; WANDB_MODE has a say only in auto."""
        if self.mode is not TrackingMode.auto:
            return self.mode.value
        chosen = os.environ.get("WANDB_MODE") or "auto"
        return {"dryrun": "offline", "run": "online"}.get(chosen, chosen)


def level_column(factor: str) -> str:
    """Return the column of a factor's options; W&B takes a dot for a way into a nested value."""
    return f"levels/{factor.replace('.', '_')}"


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


class _NoTracker:
    """A run that does nothing."""

    def log(self, stage: str, numbers: Mapping[str, float], step: int) -> None:
        """Do nothing."""

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Do nothing."""

    def artifact(self, artifact: Artifact) -> None:
        """Do nothing."""

    def bars(self, name: str, title: str, rows: Sequence[tuple[str, float]]) -> None:
        """Do nothing."""

    def summary(self, numbers: Mapping[str, float | int | str]) -> None:
        """Do nothing."""

    def finish(self, *, complete: bool) -> str | None:  # noqa: ARG002  (the interface names it)
        """Return None: there is nothing to look at."""
        return None


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
