import pytest

from advdistill.membership import Membership, membership_of


@pytest.mark.parametrize(
    "levels", [{}, {"weighting": "softmax"}, {"weighting": "softmax", "teacher.seed": "[1,2]"}]
)
def test_a_cell_learns_what_its_starter_says(levels: dict[str, str]) -> None:
    told = Membership(sweep="grid-0123456789ab", levels=levels)
    assert membership_of(told.environment) == told


@pytest.mark.parametrize("environment", [{}, {"ADVDISTILL_SWEEP": ""}])
def test_a_cell_by_itself_belongs_to_none(environment: dict[str, str]) -> None:
    assert membership_of(environment) is None
