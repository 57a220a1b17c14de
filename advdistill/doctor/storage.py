"""Checks of the outputs folder: what crash-safe artefacts and shared sweeps stand on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock, Timeout

from advdistill.doctor.finding import Finding, bad, doubtful, good
from advdistill.doctor.subject import Subject

Replace = Callable[[Path, Path], object]
Lock = Callable[[str], FileLock]


def writing(subject: Subject) -> Finding:
    """Whether files can be written below the outputs."""
    try:
        with _folder(subject) as folder:
            (folder / "one").write_text("1")
    except OSError as error:
        return bad(f"the outputs cannot be written: {error.strerror}", "give outputs=FOLDER")
    return good("the outputs can be written")


def replacing(subject: Subject, replace: Replace = Path.replace) -> Finding:
    """Whether a finished folder takes its name at once: a kill never leaves half of one."""
    with _folder(subject) as folder:
        draft, there = folder / "one.draft", folder / "one"
        draft.mkdir()
        (draft / "file").write_text("1")
        try:
            replace(draft, there)
        except OSError as error:
            return bad(f"a folder cannot be renamed: {error.strerror}", _DISK)
        if draft.exists() or (there / "file").read_text() != "1":
            return bad("a renamed folder is not whole under its new name", _DISK)
    return good("folders are renamed whole")


def locking(subject: Subject, lock: Lock = FileLock) -> Finding:
    """Whether one holder of a lock keeps another out, as two runs of one artefact must be."""
    with _folder(subject) as folder:
        path = str(folder / "one.lock")
        try:
            with lock(path).acquire(timeout=1):
                try:
                    lock(path).acquire(timeout=0).lock.release()
                except Timeout:
                    return good("a lock keeps others out")
        except (OSError, NotImplementedError) as error:
            return bad(f"files cannot be locked: {error}", _DISK)
    return bad("two can hold one lock at a time", _DISK)


_DISK = "give outputs=FOLDER on a disk with POSIX locks and renames (NFS 4 with its lock service)"


def leftovers(subject: Subject) -> Finding:
    """Whether damaged artefacts lie in the cache, which take space and are made again."""
    cache = subject.plan.outputs / "cache"
    broken = sorted(path.name for path in cache.glob("*/*.broken"))
    if broken:
        return doubtful(
            f"{len(broken)} artefacts were damaged and set aside (first: {broken[0]})",
            "look why bytes changed; the folders *.broken can be deleted",
        )
    return good("no damaged artefact in the cache")


@contextmanager
def _folder(subject: Subject) -> Iterator[Path]:
    with TemporaryDirectory(prefix=".doctor-", dir=subject.plan.outputs) as name:
        yield Path(name)
