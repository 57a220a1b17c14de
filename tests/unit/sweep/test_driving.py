import json
import multiprocessing
from pathlib import Path

import pytest

from advdistill.errors import StageError
from advdistill.stages import VERSIONS
from advdistill.sweep.attempts import attempts_of, begin
from advdistill.sweep.ledger import cell_folder, read_sweep
from tests.unit.sweep.finishing import finish
from tests.unit.sweep.worlds import World, cell, settings

pytestmark = pytest.mark.timeout(120)


def test_the_same_command_again_runs_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, [cell("a"), cell("b")])
    world.drive()
    assert world.states() == {"a": "done", "b": "done"}
    world.launched.clear()
    world.drive()
    assert [name for launched in world.launched for name in launched] == []


def test_what_an_earlier_version_of_a_stage_made_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, [cell("a"), cell("b")])
    world.drive()
    monkeypatch.setitem(VERSIONS, "evaluate", VERSIONS["evaluate"] + 1)
    [first, _] = read_sweep(world.folder).cells
    assert (first.state, first.run is not None) == ("outdated", True)
    assert f"is of version {VERSIONS['evaluate'] - 1}, not {VERSIONS['evaluate']}" in first.error
    world.launched.clear()
    world.drive()
    assert [name for launched in world.launched for name in launched] == ["a", "b"]
    assert world.states() == {"a": "done", "b": "done"}


def test_the_smoke_cell_runs_alone_then_those_that_make_a_pool_then_the_rest(
    tmp_path: Path,
) -> None:
    cells = [cell("a"), cell("b", pool="q"), cell("c", pool="r"), cell("d"), cell("e", pool="q")]
    world = World(tmp_path, cells)
    world.drive()
    assert [one for one in world.launched if one] == [["a"], ["b", "c"], ["d", "e"]]


def test_after_a_failed_smoke_cell_nothing_else_is_begun(tmp_path: Path) -> None:
    world = World(tmp_path, [cell("a", "fails"), cell("b")])
    with pytest.raises(StageError, match=r"1 of 2 cells failed \(weighting=a seed=0\); the first"):
        world.drive()
    assert world.states() == {"a": "failed", "b": "planned"}


def test_keep_going_runs_the_others_and_tells_at_the_end(tmp_path: Path) -> None:
    world = World(tmp_path, [cell("a"), cell("b", "fails"), cell("c")])
    with pytest.raises(StageError, match=r"1 of 3 cells failed.*advdistill sweep why"):
        world.drive()
    assert world.states() == {"a": "done", "b": "failed", "c": "done"}


def test_fail_fast_begins_no_cell_after_a_failure(tmp_path: Path) -> None:
    cells = [cell("a"), cell("b", "fails"), cell("c")]
    world = World(tmp_path, cells, settings(keep_going=False))
    with pytest.raises(StageError, match="1 of 3 cells failed"):
        world.drive()
    assert world.states() == {"a": "done", "b": "failed", "c": "planned"}


def test_a_failed_cell_runs_again_with_the_same_command(tmp_path: Path) -> None:
    world = World(tmp_path, [cell("a"), cell("b", "fails_once")])
    with pytest.raises(StageError):
        world.drive()
    world.launched.clear()
    assert {one.state.value for one in world.drive().cells} == {"done"}
    assert [name for launched in world.launched for name in launched] == ["b"]


def test_an_attempt_whose_process_is_gone_counts_as_interrupted(tmp_path: Path) -> None:
    world = World(tmp_path, [cell("a"), cell("b")])
    begin(cell_folder(world.folder, cell("a").id), gpus=0, gpu=None)
    [first, _] = world.read().cells
    assert (first.state.value, first.error) == (
        "failed",
        "interrupted: the process that ran it is gone",
    )
    assert {one.state.value for one in world.drive().cells} == {"done"}


@pytest.mark.parametrize("harm", ["deleted", "edited"])
def test_a_finished_cell_whose_score_file_changed_is_not_finished(
    tmp_path: Path, harm: str
) -> None:
    world = World(tmp_path, [cell("a"), cell("b")])
    world.drive()
    [scores] = [
        path
        for path in tmp_path.glob("cache/evaluate/*/scores.txt")
        if path.read_text() == cell("b").key
    ]
    if harm == "deleted":
        scores.unlink()
    else:
        scores.write_text("better")
    [_, second] = world.read().cells
    assert second.state.value == "failed"
    assert "scores.txt missing or changed" in (second.error or "")
    world.launched.clear()
    assert {one.state.value for one in world.drive().cells} == {"done"}
    assert [name for launched in world.launched for name in launched] == ["b"]


def test_a_cell_that_another_sweep_made_is_done(tmp_path: Path) -> None:
    finish(tmp_path, cell("a").id)
    world = World(tmp_path, [cell("a"), cell("b")])
    assert world.states() == {"a": "done", "b": "planned"}


def test_other_cells_make_another_folder_under_the_same_name(tmp_path: Path) -> None:
    first = World(tmp_path, [cell("a"), cell("b")])
    second = World(tmp_path, [cell("a"), cell("c")])
    turned = World(tmp_path, [cell("b"), cell("a")])
    assert first.folder != second.folder
    assert first.folder == turned.folder
    assert json.loads((first.folder / "sweep.json").read_text())["name"] == "fake"


def _drive(outputs: Path) -> None:
    World(outputs, [cell(name) for name in "abcd"]).drive()


def test_two_processes_run_a_sweep_together_and_no_cell_twice(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=_drive, args=(tmp_path,)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(100)
    assert [one.exitcode for one in both] == [0, 0]
    world = World(tmp_path, [cell(name) for name in "abcd"])
    assert set(world.states().values()) == {"done"}
    made = [attempts_of(cell_folder(world.folder, cell(name).id)) for name in "abcd"]
    assert [len(attempts) for attempts in made] == [1, 1, 1, 1]
