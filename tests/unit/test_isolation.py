import errno
import multiprocessing
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from advdistill.errors import ConfigError, DataError, StageError
from advdistill.interfaces import Watch
from advdistill.isolation import run_isolated
from tests.builders import Watched


@dataclass(frozen=True)
class Writes:
    text: str

    def __call__(self, draft: Path, watch: Watch) -> dict[str, object]:
        (draft / "file").write_text(self.text)
        for step in range(3):
            watch.report({"loss": 0.5 * step}, step)
            watch.progress(step + 1, 3)
        return {"line": "done", "process": os.getpid()}


@dataclass(frozen=True)
class Raises:
    error: BaseException

    def __call__(self, draft: Path, watch: Watch) -> dict[str, object]:
        raise self.error


@dataclass(frozen=True)
class Dies:
    by_signal: bool

    def __call__(self, draft: Path, watch: Watch) -> dict[str, object]:
        (draft / "file").write_text("kept")
        watch.progress(1, 2)
        if self.by_signal:
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(7)


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Any:
    yield
    assert multiprocessing.active_children() == []


def test_the_result_and_every_report_arrive_from_another_process(tmp_path: Path) -> None:
    watch = Watched()
    meta = run_isolated(Writes("x"), tmp_path, watch)
    assert meta["line"] == "done"
    assert meta["process"] != os.getpid()
    assert watch.reports == [(0, {"loss": 0.0}), (1, {"loss": 0.5}), (2, {"loss": 1.0})]
    assert watch.steps == [(1, 3), (2, 3), (3, 3)]
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize(("by_signal", "code"), [(False, "7"), (True, "-9")])
def test_a_process_that_dies_is_told_of_and_leaves_its_draft(
    tmp_path: Path, by_signal: bool, code: str
) -> None:
    watch = Watched()
    with pytest.raises(StageError) as caught:
        run_isolated(Dies(by_signal), tmp_path, watch)
    for part in ("Dies", f"exit code {code}", "out of memory", "same command again"):
        assert part in str(caught.value)
    assert watch.steps == [(1, 2)]
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize(
    "error",
    [
        DataError("a.jsonl:3: torn"),
        ConfigError("no vllm"),
        StageError("loss is nan"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_known_error_is_the_same_here(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        run_isolated(Raises(error), tmp_path, Watched())
    assert caught.value.args == error.args
    assert str(caught.value) == str(error)
