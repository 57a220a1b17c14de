"""Offline runs of W&B on the disk, and what stands beside each.

wandb/offline-run-<time>-<run id>/
    run-<run id>.wandb     the run, as W&B writes it
    told.json              what a finished run was told, for its upload to be checked against
    upload.lock            held by who uploads it
    uploaded.json          written once the server has been seen to hold all of that
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from advdistill.errors import DataError

TOLD = "told.json"
_UPLOADED = "uploaded.json"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a finished run was told."""

    run_id: str
    project: str
    entity: str | None
    """The account or team; None for the person's own."""
    summary: Mapping[str, float | int | str]
    artifacts: Mapping[str, tuple[str, ...]]
    """The names of each artifact's inputs, by its name."""


@dataclass(frozen=True, kw_only=True)
class OfflineRun:
    """A finished offline run."""

    folder: Path
    told: Told

    @property
    def outputs(self) -> Path:
        """The outputs folder, which the paths of the run's artifacts start from."""
        return self.folder.parents[1]

    @property
    def address(self) -> str | None:
        """Where it was uploaded to; None if it was not, or not whole."""
        path = self.folder / _UPLOADED
        return json.loads(path.read_text())["address"] if path.exists() else None

    def mark_uploaded(self, address: str) -> None:
        """Write down that the server holds all of it."""
        _write(self.folder / _UPLOADED, {"address": address})


def write_told(folder: Path, told: Told) -> None:
    """Write what makes the folder a finished run."""
    _write(folder / TOLD, asdict(told))


def read_offline_run(folder: Path) -> OfflineRun:
    """Return the finished run of a folder.

    Raises:
        DataError: it is none.
    """
    folder = folder.absolute()
    try:
        raw = json.loads((folder / TOLD).read_text())
        artifacts = {name: tuple(inputs) for name, inputs in raw.pop("artifacts").items()}
        return OfflineRun(folder=folder, told=Told(**raw, artifacts=artifacts))
    except FileNotFoundError as error:
        raise DataError(
            f"{folder} has no {TOLD}; wanted the folder of a finished offline run; "
            "finish the run by giving its command again"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{folder / TOLD} is damaged ({error}); wanted the file as its run wrote it; delete "
            "the folder and the cell's file in outputs/cells, then give the run's command again: "
            "nothing is trained anew"
        ) from error


def find_offline_run(outputs: Path, run_id: str) -> Path | None:
    """Return the folder of the latest offline run of that id."""
    return max((outputs / "wandb").glob(f"offline-run-*-{run_id}"), default=None)


def _write(path: Path, value: object) -> None:
    draft = path.with_name(f"{path.name}.tmp")
    draft.write_text(json.dumps(value, indent=1))
    draft.replace(path)
