from collections.abc import Sequence
from pathlib import Path

import pytest

from advdistill.gpus import Gpu
from advdistill.sweep.attempts import attempts_of, claimed
from advdistill.sweep.following import Outcome
from advdistill.sweep.ledger import CellFile, cell_folder
from advdistill.sweep.running import End
from tests.unit.sweep.worlds import GPUS, World, cell, settings


def world(outputs: Path, way: str, **changed: object) -> tuple[World, CellFile, Path]:
    one = cell("a", way)
    made = World(outputs, [one], settings(**changed), gpus=GPUS)
    return made, one, cell_folder(made.folder, one.id)


@pytest.mark.parametrize(
    ("way", "end", "error"),
    [
        ("done", End.done, None),
        ("fails", End.failed, "StageError: fails"),
    ],
)
def test_an_attempt_is_kept_with_its_end(
    tmp_path: Path, way: str, end: End, error: str | None
) -> None:
    made, one, folder = world(tmp_path, way)
    assert made.run(one) is end
    [attempt] = attempts_of(folder)
    assert attempt.ended is not None
    assert (attempt.error or "").startswith(error or "")
    assert (attempt.error is None) == (error is None)


@pytest.mark.parametrize(
    ("way", "retries", "attempts", "end"),
    [
        ("fails_once", 2, 2, End.done),
        ("fails_once", 0, 1, End.failed),
        ("fails", 1, 2, End.failed),
        ("refused", 3, 1, End.failed),
    ],
)
def test_a_cell_is_tried_again_but_not_after_an_error_of_settings(
    tmp_path: Path, way: str, retries: int, attempts: int, end: End
) -> None:
    made, one, folder = world(tmp_path, way, retries=retries)
    assert made.run(one) is end
    assert len(attempts_of(folder)) == attempts


def test_a_cell_that_another_process_holds_is_left_to_it(tmp_path: Path) -> None:
    made, one, folder = world(tmp_path, "done")
    with claimed(folder):
        assert made.run(one) is End.busy
        assert made.states() == {"a": "running"}
    assert attempts_of(folder) == []


def test_a_finished_cell_is_not_run_again(tmp_path: Path) -> None:
    made, one, folder = world(tmp_path, "done")
    assert [made.run(one), made.run(one)] == [End.done, End.done]
    assert len(attempts_of(folder)) == 1


@pytest.mark.parametrize(
    ("gpus", "visible", "lent"),
    [(2, GPUS, 2), (0, GPUS, 0), (None, GPUS, 1), (None, [], 0)],
)
def test_a_cell_has_the_devices_that_it_wants_for_itself(
    tmp_path: Path, gpus: int | None, visible: Sequence[Gpu], lent: int
) -> None:
    one = cell("a")
    made = World(tmp_path, [one], settings(gpus=gpus), gpus=visible)
    made.run(one)
    assert made.lent == [[gpu.uuid for gpu in visible[:lent]]]
    [attempt] = attempts_of(cell_folder(made.folder, one.id))
    assert (attempt.gpus, attempt.gpu) == (lent, "Fake" if lent else None)


def test_an_attempt_that_a_person_stops_is_kept_as_interrupted(tmp_path: Path) -> None:
    made, one, folder = world(tmp_path, "done")

    def stopped(cell: Path, number: int, gpus: Sequence[Gpu]) -> Outcome:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.run(one, stopped)
    [attempt] = attempts_of(folder)
    assert attempt.error == "interrupted: KeyboardInterrupt"
    assert made.states() == {"a": "failed"}
    assert made.run(one) is End.done


def test_more_devices_than_there_are_is_refused_with_the_remedy(tmp_path: Path) -> None:
    made, one, folder = world(tmp_path, "done", gpus=3, retries=2)
    assert made.run(one) is End.failed
    [attempt] = attempts_of(folder)
    assert attempt.error is not None
    assert "wants 3 GPUs and 2 are visible" in attempt.error
