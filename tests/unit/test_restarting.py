import logging
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from advdistill.errors import DataError, StageError
from advdistill.interfaces import Watch
from advdistill.restarting import run_restarting
from tests.builders import Watched

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True)
class Counts:
    """Counts to 5 with a file for each number; each call dies after so many further ones."""

    lives: tuple[int, ...]
    error: Exception | None = None

    def __call__(self, draft: Path, watch: Watch) -> dict[str, object]:
        done = len(list(draft.glob("n*")))
        life = len(list(draft.glob("life*")))
        (draft / f"life{life}").touch()
        for number in range(1, 6):
            if number > done:
                if number > done + self.lives[life]:
                    if self.error:
                        raise self.error
                    os.kill(os.getpid(), signal.SIGKILL)
                (draft / f"n{number}").touch()
            watch.report({"number": float(number)}, number)
            watch.progress(number, 5)
        return {"line": "done"}


def test_another_process_goes_on_with_what_is_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watched()
    with caplog.at_level(logging.WARNING, "advdistill"):
        assert run_restarting(Counts((2, 0, 9)), tmp_path, watch) == {"line": "done"}
    assert watch.steps == [(number, 5) for number in range(1, 6)]
    assert watch.reports == [(number, {"number": float(number)}) for number in range(1, 6)]
    assert len(caplog.messages) == 2
    for message in caplog.messages:
        assert "Counts ended with exit code -9; 2 of 5 steps are done" in message


def test_three_deaths_at_one_place_are_enough(tmp_path: Path) -> None:
    watch = Watched()
    with pytest.raises(StageError, match="exit code -9"):
        run_restarting(Counts((2, 0, 0, 9)), tmp_path, watch)
    assert len(list(tmp_path.glob("life*"))) == 3
    assert watch.steps == [(1, 5), (2, 5)]


def test_deaths_that_get_further_each_time_are_not(tmp_path: Path) -> None:
    assert run_restarting(Counts((1, 1, 1, 1, 1)), tmp_path, Watched())["line"] == "done"
    assert len(list(tmp_path.glob("life*"))) == 5


def test_an_error_is_no_death(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="torn"):
        run_restarting(Counts((2, 9), DataError("torn")), tmp_path, Watched())
    assert len(list(tmp_path.glob("life*"))) == 1
