import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from advdistill.cache import CURVES, read_curves
from advdistill.config import Plan, plan_of
from advdistill.errors import StageError
from advdistill.interfaces import Watch
from advdistill.tracking import Artifact, Cell
from advdistill.watching import Follower, Place
from tests.builders import composed


@dataclass
class ListTracker:
    """A tracker, and the tracking that opens it, that keeps the curves."""

    samples: int = 0
    curves: list[tuple[str, int, dict[str, float]]] = field(default_factory=list)
    ends: list[bool] = field(default_factory=list)

    def open(self, cell: Cell) -> "ListTracker":
        return self

    def log(self, stage: str, numbers: Mapping[str, float], step: int) -> None:
        self.curves.append((stage, step, dict(numbers)))

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        raise NotImplementedError

    def artifact(self, artifact: Artifact) -> None:
        raise NotImplementedError

    def bars(self, name: str, title: str, rows: Sequence[tuple[str, float]]) -> None:
        raise NotImplementedError

    def summary(self, numbers: Mapping[str, float | int | str]) -> None:
        raise NotImplementedError

    def finish(self, *, complete: bool) -> str | None:
        self.ends.append(complete)
        return None


@dataclass(frozen=True)
class Reports:
    steps: tuple[int, ...]

    def __call__(self, draft: Path, watch: Watch) -> dict[str, object]:
        for step in self.steps:
            watch.report({"loss": float(step)}, step)
        return {"line": "done"}


@dataclass(frozen=True)
class DiesOnce:
    """Reports a step in its first process, which dies, and two in its second."""

    def __call__(self, draft: Path, watch: Watch) -> dict[str, object]:
        watch.report({"loss": 1.0}, 1)
        if not (draft / "died").exists():
            (draft / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        watch.report({"loss": 2.0}, 2)
        return {"line": "done"}


@pytest.fixture
def tracker() -> ListTracker:
    return ListTracker()


@pytest.fixture
def plan(tmp_path: Path, tracker: ListTracker) -> Plan:
    cfg = composed("tracking=none")
    cfg.outputs = str(tmp_path / "outputs")
    return replace(plan_of(cfg, {}), tracking=tracker)


def follow(plan: Plan, draft: Path, *steps: int) -> None:
    Follower(plan).follow("train", Reports(steps), draft, place=Place(isolate=False))


def test_numbers_go_to_the_file_and_the_tracker(
    plan: Plan, tracker: ListTracker, tmp_path: Path
) -> None:
    follow(plan, tmp_path, 1, 2)
    assert read_curves(tmp_path / CURVES) == [{"step": 1, "loss": 1.0}, {"step": 2, "loss": 2.0}]
    assert tracker.curves == [("train", 1, {"loss": 1.0}), ("train", 2, {"loss": 2.0})]


@pytest.mark.parametrize("torn", ['{"step": 3, "lo', "", '{"step": 3, "loss": 3.0}'])
def test_a_killed_run_is_gone_on_with_after_a_torn_line(
    plan: Plan, tracker: ListTracker, tmp_path: Path, torn: str
) -> None:
    follow(plan, tmp_path, 1, 2)
    tracker.curves.clear()
    with (tmp_path / CURVES).open("a") as file:
        file.write(torn)
    follow(plan, tmp_path, 3, 4)
    assert [row["step"] for row in read_curves(tmp_path / CURVES)] == [1, 2, 3, 4]
    assert [step for _, step, _ in tracker.curves] == [1, 2, 3, 4]


def test_steps_that_are_made_again_are_told_once(
    plan: Plan, tracker: ListTracker, tmp_path: Path
) -> None:
    follow(plan, tmp_path, 1, 2, 3)
    tracker.curves.clear()
    follow(plan, tmp_path, 2, 3, 4)
    assert [step for _, step, _ in tracker.curves] == [1, 2, 3, 4]
    assert [row["step"] for row in read_curves(tmp_path / CURVES)] == [1, 2, 3, 4]


def test_a_cell_that_did_not_finish_is_closed_as_such_once(
    plan: Plan, tracker: ListTracker, tmp_path: Path
) -> None:
    follower = Follower(plan)
    follower.abandon()
    assert tracker.ends == []
    follower.follow("train", Reports(()), tmp_path, place=Place(isolate=False))
    follower.abandon()
    follower.abandon()
    assert tracker.ends == [False]


def test_a_maker_that_resumes_may_die(plan: Plan, tracker: ListTracker, tmp_path: Path) -> None:
    Follower(plan).follow("sample", DiesOnce(), tmp_path, place=Place(isolate=True, resumes=True))
    assert tracker.curves == [("sample", 1, {"loss": 1.0}), ("sample", 2, {"loss": 2.0})]


def test_a_maker_that_does_not_resume_may_not(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="exit code -9"):
        Follower(plan).follow("evaluate", DiesOnce(), tmp_path, place=Place(isolate=True))
