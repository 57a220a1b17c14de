from pathlib import Path

import pytest

from advdistill.budget import BudgetUnit
from advdistill.cli.grid import cells_of
from advdistill.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "cells"),
    [
        ([], [()]),
        (["seed=4"], [("seed=4",)]),
        (["seeds=2"], [("seed=0", "seeds=2"), ("seed=1", "seeds=2")]),
        (
            ["student.epochs=1,2", "student.dtype=float32"],
            [
                ("seed=0", "student.epochs=1", "student.dtype=float32"),
                ("seed=0", "student.epochs=2", "student.dtype=float32"),
            ],
        ),
        (["seed=range(2)"], [("seed=0",), ("seed=1",)]),
    ],
)
def test_cells(tmp_path: Path, given: list[str], cells: list[tuple[str, ...]]) -> None:
    outputs = f"outputs={tmp_path}"
    found = cells_of([*given, outputs])
    assert [one.overrides for one in found] == [(*cell, outputs) for cell in cells]


def test_a_sweep_by_name_brings_its_own_axes(tmp_path: Path) -> None:
    few = tmp_path / "conf" / "sweep" / "two.yaml"
    few.parent.mkdir(parents=True)
    few.write_text("# @package hydra\nsweeper:\n  params:\n    weighting: uniform,rank\n")
    given = [f"hydra.searchpath=[file://{tmp_path}/conf]", "+sweep=two", "sweep.nulls=false"]
    cells = cells_of([*given, f"outputs={tmp_path / 'outputs'}"])
    assert [cell.plan.choices["weighting"] for cell in cells] == ["uniform", "rank"]


def test_null_cells_come_as_in_a_run(tmp_path: Path) -> None:
    cells = cells_of(["weighting=uniform,rank", f"outputs={tmp_path}"])
    controls = [cell.plan.choices["weighting"] for cell in cells if cell.control]
    assert controls == ["shuffled", "matched_random", "uniform"]
    # The last one's tokens are those of a training that is still to come.
    assert cells[-1].plan.budget.unit is BudgetUnit.tokens
    assert len({cell.plan.key for cell in cells}) == len(cells) == 5


def test_an_interval_has_no_cells() -> None:
    with pytest.raises(ConfigError, match="spans an interval"):
        cells_of(["student.learning_rate=interval(0, 1)"])


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(ConfigError, match="weighting"):
        cells_of(["weighting"])
