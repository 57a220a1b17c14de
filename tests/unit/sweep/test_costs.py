from pathlib import Path

from advdistill.sweep.attempts import begin
from advdistill.sweep.costs import cost_of
from advdistill.sweep.ledger import cell_folder
from tests.unit.sweep.finishing import finish
from tests.unit.sweep.worlds import World, cell


def test_what_cells_share_is_made_once_and_counts_as_saved_for_the_others(tmp_path: Path) -> None:
    world = World(tmp_path, [cell("a"), cell("b"), cell("c")])
    world.drive()
    judge, evaluate = cost_of(world.folder).stages
    assert (judge.stage, judge.uses, judge.artefacts, judge.found) == ("judge", 3, 1, 0)
    assert (evaluate.stage, evaluate.uses, evaluate.artefacts) == ("evaluate", 3, 3)
    assert evaluate.saved_seconds == 0
    assert abs(judge.saved_seconds - 2 * judge.seconds) < 1e-9


def test_what_another_run_made_is_saved_whole(tmp_path: Path) -> None:
    finish(tmp_path, "other")
    world = World(tmp_path, [cell("a"), cell("b")])
    world.drive()
    judge, _ = cost_of(world.folder).stages
    assert (judge.found, judge.seconds) == (1, 0)


def test_attempts_that_came_to_nothing_are_counted(tmp_path: Path) -> None:
    world = World(tmp_path, [cell("a")])
    begin(cell_folder(world.folder, cell("a").id), gpus=4, gpu="Fake")
    world.drive()
    cost = cost_of(world.folder)
    assert (cost.attempts, cost.failed_attempts) == (2, 1)
    assert cost.attempt_gpu_hours == 0


def test_a_sweep_that_is_only_planned_costs_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, [cell("a")])
    assert cost_of(world.folder).stages == []
