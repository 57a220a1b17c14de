import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from advdistill.interfaces import Watch
from advdistill.isolation import Death, outlived, run_isolated
from tests.builders import Watched

pytestmark = pytest.mark.timeout(120)
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Begets:
    """Starts a process that would live for long, notes both, and ends in one way."""

    way: str
    forked: bool = False

    def __call__(self, draft: Path, watch: Watch) -> dict[str, object]:
        child = self._fork() if self.forked else subprocess.Popen(["sleep", "600"]).pid
        (draft / "noted").write_text(f"{os.getpid()} {child}")
        (draft / "noted").rename(draft / "pids")
        if self.way == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.way == "waits":
            time.sleep(600)
        return {"line": "done"}

    @staticmethod
    def _fork() -> int:
        """Leave a process that holds everything open that this one does."""
        child = os.fork()
        if child == 0:
            time.sleep(600)
            os._exit(0)
        return child


def gone(pid: int) -> bool:
    """Return whether the process has ended within some seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True
        )
        if not state.stdout.strip() or state.stdout.startswith("Z"):
            return True
        time.sleep(0.05)
    return False


def noted(draft: Path) -> list[int]:
    """Return the ids of the maker's process and of the one that it started."""
    return [int(pid) for pid in (draft / "pids").read_text().split()]


@pytest.mark.parametrize("forked", [False, True], ids=["spawned", "forked"])
def test_what_a_killed_maker_started_ends_with_it(tmp_path: Path, forked: bool) -> None:
    death = outlived(Begets("killed", forked), tmp_path, Watched())
    assert death == Death(name="Begets", exitcode=-signal.SIGKILL)
    assert all(map(gone, noted(tmp_path)))


def test_what_a_maker_leaves_at_work_ends_with_it(tmp_path: Path) -> None:
    assert run_isolated(Begets("returns"), tmp_path, Watched()) == {"line": "done"}
    assert all(map(gone, noted(tmp_path)))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_nothing_outlives_a_parent_that_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.test_process_group", str(tmp_path)], cwd=ROOT
    )
    try:
        while not (tmp_path / "pids").exists():
            assert parent.poll() is None
            time.sleep(0.02)
        parent.send_signal(number)
        parent.wait(10)
    finally:
        parent.kill()
    assert all(map(gone, noted(tmp_path)))


if __name__ == "__main__":
    from tests.unit.test_process_group import Begets as Imported  # as the child can load it

    run_isolated(Imported("waits", forked=True), Path(sys.argv[1]), Watched())
