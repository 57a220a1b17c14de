from pathlib import Path

import pytest

from advdistill.planning.looking import Looked, State
from tests.unit.doctor.subjects import finish, looked, plan

POOL = {
    "check": {"failed": 0},
    "sample": {"answers": 90},
    "judge": {"verdicts": {}},
    "tokenise": {},
}
UNIFORM, RANK = ("weighting=uniform",), ("weighting=rank",)


def states(found: Looked, cell: int) -> dict[str, str]:
    return {step.name: step.state.value for step in found.cells[cell].steps}


def made(found: Looked, cell: int) -> set[str]:
    return {name for name, state in states(found, cell).items() if state == "made"}


def test_an_empty_cache_makes_all_and_shares_what_the_cells_have_in_common(tmp_path: Path) -> None:
    found = looked(tmp_path / "outputs", tmp_path / "scratch", UNIFORM, RANK)
    assert set(states(found, 0).values()) == {"made"}
    assert made(found, 1) == {"weigh", "train", "evaluate/student"}
    assert {name for name, state in states(found, 1).items() if state == "shared"} == {
        *("load", "check", "sample", "judge", "tokenise", "evaluate/teacher", "evaluate/base"),
    }
    assert all(step.maker == 1 for step in found.cells[1].steps if step.state is State.shared)
    assert len(found.to_make()) == 13
    assert not (tmp_path / "outputs" / "cache").exists()


def test_a_pool_that_is_there_is_not_made(tmp_path: Path) -> None:
    finish(plan(tmp_path / "outputs"), POOL)
    found = looked(tmp_path / "outputs", tmp_path / "scratch", UNIFORM)
    assert made(found, 0) == {
        *("weigh", "train", "evaluate/teacher", "evaluate/base", "evaluate/student"),
    }
    assert found.cells[0].sizes.answers == 90


def test_seeds_share_the_weights_and_nothing_below(tmp_path: Path) -> None:
    found = looked(tmp_path / "outputs", tmp_path / "scratch", ("seed=0",), ("seed=1",))
    assert made(found, 1) == {"train", "evaluate/student"}


def test_cells_that_are_alike_share_all(tmp_path: Path) -> None:
    found = looked(tmp_path / "outputs", tmp_path / "scratch", UNIFORM, UNIFORM)
    assert made(found, 1) == set()


def test_another_teacher_seed_makes_another_pool(tmp_path: Path) -> None:
    found = looked(tmp_path / "outputs", tmp_path / "scratch", (), ("teacher.seed=1",))
    shared = {name for name, state in states(found, 1).items() if state == "shared"}
    assert shared == {"load", "check", "evaluate/teacher", "evaluate/base"}


def test_a_damaged_artefact_is_not_there_and_stays_where_it_is(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    finish(plan(outputs), POOL)
    [file] = outputs.glob("cache/sample/*/made.txt")
    file.write_text("other bytes")
    found = looked(outputs, tmp_path / "scratch", ())
    assert {"sample", "judge", "tokenise"} <= made(found, 0)
    assert file.exists()


@pytest.mark.parametrize(
    ("override", "stage", "units"),
    [
        ("student.epochs=2.0", "train", 192),
        ("student.max_steps=3", "train", 48),
        ("teacher.samples=2", "sample", 48),
        ("evaluation.samples=4 evaluation.temperature=1.0", "evaluate", 96),
    ],
)
def test_units(tmp_path: Path, override: str, stage: str, units: float) -> None:
    found = looked(tmp_path / "outputs", tmp_path / "scratch", override.split())
    steps = [step for step in found.cells[0].steps if step.stage == stage]
    assert {step.units for step in steps} == {units}


def test_kinds_are_told_apart_by_what_takes_longer(tmp_path: Path) -> None:
    def kinds(*overrides: str) -> dict[str, str]:
        found = looked(tmp_path / "outputs", tmp_path / "scratch", overrides)
        return {step.name: step.kind for step in found.cells[0].steps}

    usual = kinds()
    assert kinds("seed=3", "student.learning_rate=1e-3", "weighting=rank") == usual
    longer = kinds("teacher.max_tokens=50")
    assert {name for name in usual if usual[name] != longer[name]} == {"sample"}
    assert usual["evaluate/teacher"] != usual["evaluate/student"] == usual["evaluate/base"]
    assert set(kinds("runtime.threads=1").values()).isdisjoint(usual.values())
