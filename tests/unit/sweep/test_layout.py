from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from advdistill.config import Plan, plan_of
from advdistill.errors import ConfigError
from advdistill.sweep.finished import Finished, Inspector
from advdistill.sweep.grid import Axis
from advdistill.sweep.layout import lay_out, resolved
from advdistill.sweep.writing import Command, write_sweep
from tests.builders import composed
from tests.unit.sweep.finishing import TRACKING, artefact_with
from tests.unit.sweep.worlds import settings

Planner = Callable[[tuple[str, ...]], Plan]


@pytest.fixture
def plan_for(tmp_path: Path) -> Planner:
    def planned(overrides: tuple[str, ...]) -> Plan:
        return plan_of(composed(*overrides, f"outputs={tmp_path}"), {})

    return cache(planned)


def axes(*more: Axis) -> list[Axis]:
    small = Axis(key="+experiment", values=("quickstart_small",), swept=False)
    return [small, Axis(key="weighting", values=("uniform", "softmax"), swept=True), *more]


def test_cells_go_by_their_keys_and_a_waiting_one_by_its_others(plan_for: Planner) -> None:
    cells = lay_out(axes(), settings(), plan_for)
    assert [cell.levels["weighting"] for cell in cells] == [
        "uniform",
        "softmax",
        "shuffled of softmax",
        "matched_random of softmax",
        "uniform at equal tokens as softmax",
    ]
    softmax, waiting = cells[1], cells[4]
    plan = plan_for(tuple(softmax.overrides))
    assert softmax.id == softmax.key == plan.key[:32]
    assert (waiting.key, waiting.equal_to) == (None, softmax.id)
    assert [cell.control for cell in cells] == [False, False, True, True, True]


def test_no_null_cells_unless_they_are_wanted(plan_for: Planner) -> None:
    cells = lay_out(axes(), settings(nulls=False), plan_for)
    assert [cell.levels["weighting"] for cell in cells] == ["uniform", "softmax"]


def test_under_a_budget_of_tokens_uniform_is_its_own_null_cell(plan_for: Planner) -> None:
    budget = Axis(key="budget", values=("tokens",), swept=False)
    cells = lay_out(axes(budget), settings(), plan_for)
    assert len(cells) == 4
    assert all(cell.equal_to is None for cell in cells)


def test_the_first_cell_of_each_pool_is_ahead(plan_for: Planner) -> None:
    samples = Axis(key="teacher.samples", values=("2", "4"), swept=True)
    cells = lay_out(axes(samples), settings(nulls=False), plan_for)
    assert [tuple(cell.levels.values()) for cell in cells] == [
        ("uniform", "2"), ("uniform", "4"), ("softmax", "2"), ("softmax", "4"),
    ]  # fmt: skip
    assert cells[0].pool != cells[1].pool
    assert cells[0].pool == cells[2].pool


def test_more_seeds_add_cells_and_change_none(plan_for: Planner) -> None:
    def ids(*seeds: str) -> set[str]:
        axis = Axis(key="seed", values=seeds, swept=True)
        return {cell.id for cell in lay_out(axes(axis), settings(nulls=False), plan_for)}

    assert ids("0") < ids("0", "1")


def test_a_cell_that_cannot_work_is_named(plan_for: Planner) -> None:
    rates = Axis(key="student.learning_rate", values=("0.1", "-1"), swept=True)
    with pytest.raises(ConfigError, match=r"cell '.*student.learning_rate=-1': student: learning"):
        lay_out(axes(rates), settings(), plan_for)


def test_a_waiting_cell_spends_the_tokens_of_its_other(tmp_path: Path, plan_for: Planner) -> None:
    cells = lay_out(axes(), settings(), plan_for)
    softmax, waiting = cells[1], cells[4]
    stages = {
        "load": artefact_with(tmp_path, "load", {"prompts": {"train": 24}}),
        "train": artefact_with(tmp_path, "train", {"tokens": 3640}),
    }
    found = Finished(run=tmp_path, tracking=TRACKING, stages=stages)
    cell = resolved(waiting, found, plan_for)
    plan = plan_for(tuple(cell.overrides))
    assert (plan.budget.unit.value, plan.budget.amount) == ("tokens", 3640 / 24)
    assert cell.key == plan.key[:32]
    assert cell.id == waiting.id
    assert Inspector(tmp_path).look(softmax.key) is None


def test_a_waiting_cell_whose_other_is_not_finished_goes_on_waiting(
    tmp_path: Path, plan_for: Planner
) -> None:
    cells = lay_out(axes(), settings(), plan_for)
    command = Command(arguments=[], config_folder=None)
    _, known = write_sweep(tmp_path, "x", cells, command, plan_for)
    assert known == cells
