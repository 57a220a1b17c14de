from pathlib import Path

import pytest

from advdistill.cli.main import main
from advdistill.errors import StageError
from tests.unit.sweep.worlds import World, cell


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A sweep of which one cell failed."""
    made = World(tmp_path, [cell("a"), cell("b", "fails")])
    with pytest.raises(StageError):
        made.drive()
    return made


def said(capsys: pytest.CaptureFixture[str], world: World, *arguments: str) -> str:
    assert main(["sweep", *arguments, f"outputs={world.outputs}"]) == 0
    return capsys.readouterr().out


def test_all_sweeps_are_listed(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    first, last = said(capsys, world, "status").splitlines()
    counted = "2 cells = 1 failed + 1 done + 0 running + 0 planned"
    assert first == f"fake/{world.folder.name}  {counted}"
    assert last == f"1 sweeps in {world.outputs / 'sweeps'}"


def test_the_cells_of_one_sweep_are_listed(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, last = said(capsys, world, "status", "fake").splitlines()
    assert first.split() == [
        "done",
        "a0000000",
        "weighting=a",
        "seed=0",
        "1",
        "attempts,",
        "0.0",
        "min",
    ]
    assert second.startswith("failed ")
    assert second.endswith("StageError: fails")
    assert last.startswith("2 cells = 1 failed + 1 done")


def test_why_tells_each_attempt_and_the_way_on(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    out = said(capsys, world, "why", f"fake/{world.folder.name}")
    assert "weighting=b seed=0  (b0000000)" in out
    assert "UTC: StageError: fails" in out
    assert "1 of 2 cells failed" in out
    assert f"advdistill sweep resume {world.folder}" in out


def test_cost_has_a_row_a_stage_and_adds_up(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    out = said(capsys, world, "cost", str(world.folder))
    assert [line.split()[:3] for line in out.splitlines()[1:3]] == [
        ["judge", "1", "1"],
        ["evaluate", "1", "1"],
    ]
    assert "2 attempts = 1 that ended well + 1 that did not" in out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["statsu"], ["unknown verb 'sweep statsu'", "did you mean 'sweep status'?"]),
        (["status", "other"], ["there is no sweep 'other'", "there are: fake/"]),
        (["why"], ["0 sweeps are named", "wanted one"]),
        (["cost", "fake", "seeds=3"], ["unknown setting 'seeds=3'", "outputs=FOLDER"]),
    ],
)
def test_bad_arguments_are_told_with_what_there_is(
    world: World, capsys: pytest.CaptureFixture[str], arguments: list[str], parts: list[str]
) -> None:
    assert main(["sweep", *arguments, f"outputs={world.outputs}"]) == 1
    told = capsys.readouterr().err
    for part in parts:
        assert part in told


def test_a_damaged_ledger_is_named(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    (world.folder / "sweep.json").write_text("[")
    assert main(["sweep", "status", str(world.folder), f"outputs={world.outputs}"]) == 1
    assert "sweep.json cannot be read" in capsys.readouterr().err
