import pytest

from advdistill.cli.grid import cells_of
from advdistill.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "cells"),
    [
        ([], [()]),
        (["seed=4"], [("seed=4",)]),
        (["seeds=2"], [("seed=0", "seeds=2"), ("seed=1", "seeds=2")]),
        (
            ["weighting=uniform,rank", "student.epochs=1"],
            [
                ("seed=0", "weighting=uniform", "student.epochs=1"),
                ("seed=0", "weighting=rank", "student.epochs=1"),
            ],
        ),
        (["seed=range(2)"], [("seed=0",), ("seed=1",)]),
    ],
)
def test_cells(given: list[str], cells: list[tuple[str, ...]]) -> None:
    assert cells_of(given) == cells


def test_a_sweep_by_name_brings_its_own_axes() -> None:
    cells = cells_of(["+experiment=quickstart_small", "+sweep=weightings", "seeds=2"])
    weightings = {one for cell in cells for one in cell if one.startswith("weighting=")}
    assert len(cells) == 2 * len(weightings) > 20
    assert all("+experiment=quickstart_small" in cell for cell in cells)


def test_an_interval_has_no_cells() -> None:
    with pytest.raises(ConfigError, match="does not support sweep type"):
        cells_of(["student.learning_rate=interval(0, 1)"])


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(ConfigError, match="weighting"):
        cells_of(["weighting"])
