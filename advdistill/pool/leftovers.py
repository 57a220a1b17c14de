"""What lies in stores and serves nothing: drafts of killed writers, claims of nobody, and so on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from filelock import FileLock, Timeout

from advdistill.pool.looking import size_of


class Leftover(StrEnum):
    """Why something can go."""

    draft = "draft"
    """Of a writer that was killed."""
    claim = "claim"
    """Held by nobody."""
    broken = "broken"
    """A damaged shard that was put aside."""
    store = "store"
    """Of answers that nobody uses."""


@dataclass(frozen=True, kw_only=True)
class Doomed:
    """Something that can go."""

    path: Path
    kind: Leftover
    size: int


def leftovers(folder: Path, *, broken: bool) -> Iterator[Doomed]:
    """Yield what a store holds that serves nothing; damaged shards only if asked for."""
    if not is_held(folder / "register.lock"):  # else a draft may be one in the making
        for pattern in ("*.draft", "*.tmp"):
            yield from (_doomed(path, Leftover.draft) for path in sorted(folder.glob(pattern)))
    for path in sorted(folder.glob("claims/*.lock")):
        if not is_held(path):
            yield _doomed(path, Leftover.claim)
    if broken:
        yield from (_doomed(path, Leftover.broken) for path in sorted(folder.glob("*.broken")))


def whole_store(folder: Path) -> Doomed:
    """Return a store as something that can go."""
    return _doomed(folder, Leftover.store)


def is_busy(folder: Path) -> bool:
    """Return whether a process adds to a store, or asks for answers that it lacks."""
    return any(is_held(path) for path in folder.rglob("*.lock"))


def is_held(path: Path) -> bool:
    """Return whether a process holds a lock."""
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def remove(doomed: Doomed) -> bool:
    """Remove it and return whether it has gone; what came to be held meanwhile stays."""
    path = doomed.path
    match doomed.kind:
        case Leftover.store:
            if is_busy(path):
                return False
            shutil.rmtree(path)
        case Leftover.claim:
            return _unlink_under(path, path)
        case Leftover.draft:
            return _unlink_under(path.parent / "register.lock", path)
        case Leftover.broken:
            path.unlink(missing_ok=True)
    return True


def _unlink_under(lock: Path, path: Path) -> bool:
    try:
        with FileLock(lock, timeout=0):
            path.unlink(missing_ok=True)
    except Timeout:
        return False
    return True


def _doomed(path: Path, kind: Leftover) -> Doomed:
    return Doomed(path=path, kind=kind, size=size_of(path))
