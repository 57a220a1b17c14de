import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from advdistill.errors import DataError, StageError
from advdistill.interfaces import Watch
from advdistill.ranks import run_ranks
from tests.builders import Watched

pytestmark = pytest.mark.timeout(60)


@dataclass(frozen=True)
class Tells:
    """Gives back what the ranks see of each other, and reports from each."""

    def __call__(self, draft: Path, watch: Watch) -> dict[str, object]:
        names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR")
        seen = {name: os.environ[name] for name in names}
        (draft / os.environ["RANK"]).write_text(os.environ["MASTER_PORT"])
        watch.report({"rank": float(seen["RANK"])}, 1)
        watch.progress(1, 1)
        return seen


@dataclass(frozen=True)
class Fails:
    """Fails on one rank in one way; the others wait for it for ever, or fail a little later."""

    rank: str
    way: str
    others: str = "wait"

    def __call__(self, draft: Path, watch: Watch) -> dict[str, object]:
        (draft / f"pid{os.environ['RANK']}").write_text(str(os.getpid()))
        if os.environ["RANK"] != self.rank:
            if self.others == "wait":
                time.sleep(300)
            while not (draft / "failing").exists():
                time.sleep(0.01)
            time.sleep(0.2)
            raise RuntimeError("connection closed by peer")
        while len(list(draft.glob("pid*"))) < 3:
            time.sleep(0.01)
        (draft / "failing").touch()
        if self.way == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.way == "exit":
            os._exit(7)
        raise {"crash": MemoryError("no room"), "data": DataError("a.jsonl:3: torn")}[self.way]


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


def test_rank_0_speaks_for_all_and_every_rank_knows_its_place(tmp_path: Path) -> None:
    watch, before = Watched(), dict(os.environ)
    meta = run_ranks(Tells(), tmp_path, watch, processes=3)
    assert meta == {
        "RANK": "0",
        "LOCAL_RANK": "0",
        "WORLD_SIZE": "3",
        "LOCAL_WORLD_SIZE": "3",
        "MASTER_ADDR": "127.0.0.1",
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2"]
    assert len({path.read_text() for path in tmp_path.iterdir()}) == 1
    assert watch.reports == [(1, {"rank": 0.0})]
    assert watch.steps == [(1, 1)]
    assert dict(os.environ) == before


@pytest.mark.parametrize("others", ["wait", "fail"])
@pytest.mark.parametrize(
    ("rank", "way", "told"),
    [
        ("1", "kill", "ended with exit code -9"),
        ("0", "exit", "ended with exit code 7"),
        ("2", "crash", "failed: MemoryError: no room"),
    ],
)
def test_a_rank_that_dies_is_named_and_ends_the_others(
    tmp_path: Path, rank: str, way: str, told: str, others: str
) -> None:
    with pytest.raises(StageError) as caught:
        run_ranks(Fails(rank, way, others), tmp_path, Watched(), processes=3)
    ended = time.time()
    for part in (f"rank {rank} of the 3 processes of Fails {told}", "same command again"):
        assert part in str(caught.value)
    assert ended - (tmp_path / "failing").stat().st_mtime < 8
    assert not any(alive(tmp_path / f"pid{number}") for number in range(3))


def test_an_error_with_a_remedy_is_the_same_here(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^a.jsonl:3: torn$"):
        run_ranks(Fails("1", "data"), tmp_path, Watched(), processes=3)


PARENT = """
import sys
from pathlib import Path
from advdistill.ranks import run_ranks
from tests.builders import Watched
from tests.unit.test_ranks import Fails
if __name__ == "__main__":
    run_ranks(Fails("nobody", "kill"), Path(sys.argv[1]), Watched(), processes=3)
"""


def test_nothing_outlives_a_killed_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], cwd=ROOT)
    files = [tmp_path / f"pid{number}" for number in range(3)]
    try:
        wait_until(lambda: all(path.exists() and path.read_text() for path in files), seconds=40)
    finally:
        parent.kill()
        parent.wait()
    wait_until(lambda: not any(map(alive, files)), seconds=8)


ROOT = Path(__file__).parents[2]


def wait_until(fulfilled, *, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not fulfilled():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)


def alive(file: Path) -> bool:
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", file.read_text()], check=False, capture_output=True, text=True
    ).stdout
    return bool(state.strip()) and not state.startswith("Z")
