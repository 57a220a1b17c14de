from pathlib import Path
from shutil import copytree

from filelock import SoftFileLock

from advdistill.doctor import storage
from advdistill.doctor.finding import Health
from tests.unit.doctor.subjects import subject


def test_an_ordinary_folder_holds(tmp_path: Path) -> None:
    one = subject(tmp_path)
    for check in (storage.writing, storage.replacing, storage.locking, storage.leftovers):
        assert check(one).health is Health.good
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    one = subject(tmp_path / "outputs")
    assert one.plan
    (tmp_path / "outputs").rmdir()
    (tmp_path / "outputs").write_text("a file")
    assert storage.writing(one).health is Health.bad


def test_a_disk_that_copies_instead_of_renaming(tmp_path: Path) -> None:
    assert storage.replacing(subject(tmp_path), copytree).health is Health.bad


def test_a_disk_that_cannot_rename(tmp_path: Path) -> None:
    def refuse(*_: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    found = storage.replacing(subject(tmp_path), refuse)
    assert found.health is Health.bad
    assert "cross-device" in found.found


class Open(SoftFileLock):
    """A lock that lets everybody in, as on a disk that knows none."""

    def _acquire(self) -> None:
        self._context.lock_file_fd = 0

    def _release(self) -> None:
        self._context.lock_file_fd = None


def test_a_disk_whose_locks_hold_nobody(tmp_path: Path) -> None:
    found = storage.locking(subject(tmp_path), Open)  # type: ignore[arg-type]
    assert found.health is Health.bad


def test_damaged_artefacts_are_counted(tmp_path: Path) -> None:
    (tmp_path / "cache" / "sample" / "abc.broken").mkdir(parents=True)
    assert storage.leftovers(subject(tmp_path)).health is Health.doubtful
