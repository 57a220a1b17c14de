"""Content-addressed artefacts that a kill cannot leave half made.

<root>/<stage>/<key>/            a finished artefact; `manifest.json` was written last
<root>/<stage>/<key>.draft/      one in the making; a maker finds its earlier shards there
<root>/<stage>/<key>.lock        held by the process that makes it
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

from filelock import FileLock, Timeout

from advdistill.digests import digest_of_file, digest_of_json, files_below
from advdistill.errors import AdvDistillError, StageError
from advdistill.spending import Spent, spending

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
CURVES = "curves.jsonl"
"""Numbers seen on the way; kept with the artefact, no part of its digest."""
TIMING = "timing.json"
"""What its time is compared by; no part of its digest either."""

_DISK_TROUBLE = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What identifies an artefact: the stage, its version and settings, and its inputs' digests."""

    stage: str
    version: int
    settings: Mapping[str, object]
    inputs: Mapping[str, str]

    @property
    def key(self) -> str:
        """The artefact's address."""
        return digest_of_json(asdict(self))


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """A finished artefact on the disk."""

    folder: Path
    recipe: Recipe
    digest: str
    """Of the content; equal work on equal inputs gives equal digests."""
    files: Mapping[str, str]
    """sha256 by relative path."""
    meta: Mapping[str, Any]
    """Counts and small results that its maker gave back."""
    made: bool
    """True if this process made it just now."""

    @property
    def curves(self) -> list[dict[str, float]]:
        """The numbers that its maker reported, in the order of their steps."""
        path = self.folder / CURVES
        return read_curves(path) if path.exists() else []


class _Manifest(TypedDict):
    """What a finished artefact says of itself."""

    digest: str
    files: dict[str, str]
    meta: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Making:
    """What it took to make an artefact, the last time if its maker was killed before."""

    cell: str | None
    """Key of the cell that it was made for."""
    seconds: float
    gpus: int
    """NVIDIA devices that its process could see."""
    joules: float | None
    """What these used meanwhile, whoever used them; None where they do not say."""
    hardware: str | None = None
    """The devices, as people name them; None for one that was made before this was kept."""


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """What the manifest of a finished artefact says, for who only looks."""

    folder: Path
    digest: str
    files: Mapping[str, str]
    meta: Mapping[str, Any]
    stage: str
    version: int
    making: Making | None
    """None for one that was made before this was kept."""

    def damaged(self) -> list[str]:
        """Return the files that are missing or do not match the manifest."""
        return _damaged(self.folder, self.files)


def read_sealed(folder: Path) -> Sealed | None:
    """Return what a finished artefact says of itself; None where its manifest is not whole."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        making = manifest.get("making")
        return Sealed(
            folder=folder,
            **{name: manifest[name] for name in ("digest", "files", "meta")},
            stage=manifest["recipe"]["stage"],
            version=manifest["recipe"]["version"],
            making=None if making is None else Making(**making),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True)
class Cache:
    """All artefacts below one folder; several processes may share it."""

    root: Path
    cell: str | None = None
    """Key of the cell that makes what is missing."""

    def find(self, recipe: Recipe) -> Artefact | None:
        """Return the artefact if it is there and whole.

        One whose bytes do not match its manifest is moved aside, so that it is made again.
        """
        folder = self._folder(recipe)
        manifest = _read_manifest(folder)
        if manifest is None:
            return None
        damaged = _damaged(folder, manifest["files"])
        if damaged:
            _set_aside(folder, damaged)
            return None
        return Artefact(folder=folder, recipe=recipe, made=False, **manifest)

    def look(self, recipe: Recipe) -> Artefact | None:
        """Return the artefact if it is there and whole; unlike `find`, change nothing."""
        sealed = read_sealed(self._folder(recipe))
        if sealed is None or sealed.damaged():
            return None
        return Artefact(
            folder=sealed.folder,
            recipe=recipe,
            digest=sealed.digest,
            files=sealed.files,
            meta=sealed.meta,
            made=False,
        )

    def make(self, recipe: Recipe, maker: Callable[[Path], Mapping[str, object]]) -> Artefact:
        """Return the artefact, made by `maker` in a draft folder unless it is there.

        The maker may find the draft of a run that was killed and goes on from it. Another process
        that makes the same artefact is waited for.

        Raises:
            StageError: the disk is full or the folder cannot be written.
        """
        folder = self._folder(recipe)
        with writing(f"stage '{recipe.stage}'", folder.parent), locked(folder):
            found = self.find(recipe)
            if found is not None:
                return found
            draft = folder.with_name(folder.name + ".draft")
            draft.mkdir(exist_ok=True)
            with spending() as spent:
                meta = maker(draft)
            manifest = _seal(draft, recipe, meta, self._making(spent))
            draft.replace(folder)
        return Artefact(folder=folder, recipe=recipe, made=True, **manifest)

    def _making(self, spent: Spent) -> Making:
        return Making(cell=self.cell, **asdict(spent))

    def _folder(self, recipe: Recipe) -> Path:
        return self.root / recipe.stage / recipe.key[:32]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold `<path>.lock`, waiting for the process that has it; a kill lets go of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{path}.lock")
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        logger.info("waiting for another run that makes %s", path)
        held = lock.acquire()
    with held:
        yield


@contextmanager
def writing(what: str, folder: Path) -> Iterator[None]:
    """Tell of a disk that is full or not ours as a StageError.

    Raises:
        StageError: the work inside could not write; `what` says whose work it was.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, AdvDistillError) or not is_disk_trouble(error):
            raise
        raise StageError(
            f"{what} could not write below {folder}: {error}; "
            "wanted a folder with free space and write permission; what was stored is whole: "
            "free space or set outputs=FOLDER, then give the same command again"
        ) from error


def is_disk_trouble(error: Exception) -> bool:
    """Return whether the error says that a disk is full or not ours to write."""
    # Arrow and safetensors raise errors of their own, with the system's text in them
    return getattr(error, "errno", None) in _DISK_TROUBLE or any(
        os.strerror(number) in str(error) for number in _DISK_TROUBLE
    )


def read_curves(path: Path) -> list[dict[str, float]]:
    """Return the reported numbers by step; a step reported twice keeps its later numbers."""
    rows: dict[float, dict[str, float]] = {}
    for line in path.read_text().splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:  # the last line of a run that was killed while writing it
            continue
        rows[row["step"]] = {**rows.get(row["step"], {}), **row}
    return [rows[step] for step in sorted(rows)]


def _damaged(folder: Path, files: Mapping[str, str]) -> list[str]:
    return [
        name
        for name, digest in files.items()
        if not (folder / name).is_file() or digest_of_file(folder / name) != digest
    ]


def _seal(draft: Path, recipe: Recipe, meta: Mapping[str, object], making: Making) -> _Manifest:
    files = {
        str(path.relative_to(draft)): digest_of_file(path)
        for path in files_below(draft)
        if path.name not in (CURVES, MANIFEST, TIMING)
    }
    manifest = _Manifest(digest=digest_of_json(files), files=files, meta=dict(meta))
    whole = {**manifest, "recipe": asdict(recipe), "making": asdict(making)}
    with (draft / MANIFEST).open("w") as file:
        file.write(json.dumps(whole, indent=1, ensure_ascii=False))
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _read_manifest(folder: Path) -> _Manifest | None:
    if not folder.exists():
        return None
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        return _Manifest(digest=manifest["digest"], files=manifest["files"], meta=manifest["meta"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        _set_aside(folder, [MANIFEST])
        return None


def _set_aside(folder: Path, damaged: list[str]) -> None:
    broken = folder.with_name(folder.name + ".broken")
    shutil.rmtree(broken, ignore_errors=True)
    folder.replace(broken)
    logger.warning(
        "%s: %s does not match its manifest; moved to %s and made again",
        folder, ", ".join(damaged), broken.name,
    )  # fmt: skip
