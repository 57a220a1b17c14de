from pathlib import Path

import pytest

from advdistill.membership import Membership, membership_at, membership_of


@pytest.mark.parametrize(
    "levels", [{}, {"weighting": "softmax"}, {"weighting": "softmax", "teacher.seed": "[1,2]"}]
)
def test_a_cell_learns_what_its_starter_says(levels: dict[str, str]) -> None:
    told = Membership(sweep="grid-0123456789ab", levels=levels)
    assert membership_of(told.environment) == told


@pytest.mark.parametrize("environment", [{}, {"ADVDISTILL_SWEEP": ""}])
def test_a_cell_by_itself_belongs_to_none(environment: dict[str, str]) -> None:
    assert membership_of(environment) is None


def test_a_cell_of_a_sweep_learns_it_from_its_folder() -> None:
    cell = Path("outputs/sweeps/grid/0123456789ab/cells/ffff")
    levels = {"weighting": "softmax"}
    assert membership_at(cell, levels) == Membership(sweep="grid-0123456789ab", levels=levels)
