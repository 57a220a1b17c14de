import os
import time
from pathlib import Path

import pytest

from advdistill.sweep.following import CellProcess, Outcome
from tests.unit.sweep.worlds import GPUS

pytestmark = pytest.mark.timeout(120)


def follow(folder: Path, way: str, *, limit_minutes: float | None = None, gpus: int = 0) -> Outcome:
    (folder / "way").write_text(way)
    process = CellProcess(
        module="tests.unit.sweep.fake_cell",
        cwd=folder,
        path=["", str(Path(__file__).parents[3])],
        limit_minutes=limit_minutes,
        term_seconds=0.2,
    )
    return process(folder, 1, GPUS[:gpus])


@pytest.mark.parametrize(
    ("way", "outcome"),
    [
        ("ends well", Outcome(error=None)),
        ("fails", Outcome(error="StageError: no luck", refused=True)),
        (
            "killed",
            Outcome(
                error="its process was killed by SIGKILL (out of memory, if nobody else ended it)"
            ),
        ),
    ],
)
def test_how_a_process_ended_is_told(tmp_path: Path, way: str, outcome: Outcome) -> None:
    assert follow(tmp_path, way) == outcome


def test_one_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    for seconds in (3, 12, 48):  # a busy machine may need longer for it to start at all
        outcome = follow(tmp_path, "hangs", limit_minutes=seconds / 60)
        if (tmp_path / "pids").exists():
            break
    limit = f"sweep.limit_minutes={seconds / 60:g}"
    assert outcome.error == f"it ran for longer than {limit} and was ended"
    for pid in (tmp_path / "pids").read_text().split():
        assert _gone(int(pid))


def test_it_sees_the_devices_that_it_was_lent_from_its_start(tmp_path: Path) -> None:
    follow(tmp_path, "ends well", gpus=2)
    assert (tmp_path / "device").read_text() == "GPU-0,GPU-1"


def _gone(pid: int) -> bool:
    for _ in range(200):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False
