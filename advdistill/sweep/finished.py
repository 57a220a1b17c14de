"""Whether a cell is finished: its record is there, and every file that it rests on is whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from advdistill.cache import Sealed, read_sealed
from advdistill.errors import DataError
from advdistill.stages import VERSIONS
from advdistill.sweep.files import read_json


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A cell whose record and artefacts are whole."""

    run: Path
    tracking: str
    """Digest of the settings that it was tracked with."""
    stages: Mapping[str, Sealed]
    """Its artefacts, by stage and role as in `stages.json`."""

    @property
    def outdated(self) -> str | None:
        """Which artefact another version of its stage has made; None where none has."""
        for one in self.stages.values():
            if one.version != VERSIONS[one.stage]:
                return f"{one.folder} is of version {one.version}, not {VERSIONS[one.stage]}"
        return None


@dataclass(frozen=True, kw_only=True)
class Damaged:
    """A cell that was finished, and is not any more."""

    what: str


@dataclass(frozen=True)
class Inspector:
    """Looks at cells; what several rest on is read once."""

    outputs: Path
    seen: dict[Path, Sealed | str] = field(default_factory=dict)
    """By artefact: what it is, or what is wrong with it."""

    def look(self, key: str | None) -> Finished | Damaged | None:
        """Return what there is of the cell with this key, the first 32 digits of a plan's."""
        marker = self.outputs / "cells" / f"{key}.json"
        if key is None or not marker.exists():
            return None
        try:
            record = read_json(marker, "a cell's record")
            run = self._moved(record["run"], depth=3)
            stages = read_json(run / "stages.json", "the stages of a run")
            found = {
                name: self._artefact(name, stage["folder"], record["digests"][name])
                for name, stage in stages.items()
            }
        except (DataError, KeyError, TypeError) as error:
            return Damaged(what=str(error))
        wrong = next((one for one in found.values() if isinstance(one, str)), None)
        if wrong is not None:
            return Damaged(what=wrong)
        sealed = {name: one for name, one in found.items() if isinstance(one, Sealed)}
        return Finished(run=run, tracking=str(record["tracking"]), stages=sealed)

    def _artefact(self, name: str, folder: str, digest: str) -> Sealed | str:
        place = self._moved(folder, depth=3)
        if place not in self.seen:
            self.seen[place] = _look(place)
        found = self.seen[place]
        if isinstance(found, str):
            return f"{name}: {found}"
        return found if found.digest == digest else f"{name}: {place} is not what the cell made"

    def _moved(self, path: str, *, depth: int) -> Path:
        """Return where a path of the outputs folder is now, wherever that is mounted."""
        return self.outputs.joinpath(*Path(path).parts[-depth:])


def _look(folder: Path) -> Sealed | str:
    sealed = read_sealed(folder)
    if sealed is None:
        return f"{folder} is not there whole"
    damaged = sealed.damaged()
    if damaged:
        return f"{folder}: {', '.join(damaged)} missing or changed"
    return sealed
