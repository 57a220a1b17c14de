"""Many cells: what they share is made once, also when two processes want it at the same time."""

import json
import re
import shutil
from pathlib import Path

import pytest

from advdistill.sweep.costs import cost_of
from advdistill.sweep.ledger import read_sweep
from tests.integration.runs import (
    SMALL,
    STAGES,
    artefacts,
    call,
    copy_of,
    digests,
    finish,
    read_manifest,
    start,
)


def counts(outputs: Path) -> dict[str, int]:
    return {
        stage: len(artefacts(outputs, stage)) for stage in ("sample", "judge", "weigh", "train")
    }


def weightings(outputs: Path) -> set[str]:
    configs = outputs.glob("runs/*/*/config.yaml")
    return {re.findall(r"weighting\.(\w+)\.", config.read_text())[0] for config in configs}


@pytest.mark.long
def test_weightings_share_one_pool(finished: Path, tmp_path: Path) -> None:
    outputs = copy_of(finished, tmp_path, without=["sample", "judge", "weigh", "train"])
    shutil.rmtree(outputs / "runs")
    done = call(outputs, "-m", *SMALL, "weighting=uniform,softmax", "sweep.nulls=false")
    assert done.code == 0, done.err
    assert counts(outputs) == {"sample": 1, "judge": 1, "weigh": 2, "train": 2}
    assert weightings(outputs) == {"uniform", "softmax"}
    students = {read_manifest(folder)["digest"] for folder in artefacts(outputs, "train")}
    # The anchors are scored once, each student by itself.
    assert len(artefacts(outputs, "evaluate")) == 2 + len(students)


def test_seeds_share_one_pool(finished: Path, tmp_path: Path) -> None:
    outputs = copy_of(finished, tmp_path)
    done = call(outputs, "-m", *SMALL, "seeds=2", "student.max_steps=1")
    assert done.code == 0, done.err
    # One student is the finished run's own, of more steps.
    assert counts(outputs) == {"sample": 1, "judge": 1, "weigh": 1, "train": 1 + 2}
    curves = {(student / "curves.jsonl").read_text() for student in artefacts(outputs, "train")}
    assert len(curves) == 1 + 2


def test_two_processes_make_everything_once(finished: Path, tmp_path: Path) -> None:
    outputs = copy_of(finished, tmp_path, without=["sample", "weigh"])
    shutil.rmtree(outputs / "runs")
    calls = [finish(process) for process in [start(outputs, *SMALL) for _ in range(2)]]
    assert [done.code for done in calls] == [0, 0], [done.err for done in calls]
    assert sorted(len(done.made) for done in calls) == [0, 2]
    assert sum("waiting for another run" in done.out for done in calls) == 1
    assert digests(outputs) == digests(finished)
    [record] = outputs.glob("runs/*/*/record.json")
    assert json.loads(record.read_text())["digests"].keys() == set(STAGES)


def test_two_processes_with_different_cells_share_one_pool(finished: Path, tmp_path: Path) -> None:
    outputs = copy_of(finished, tmp_path, without=["sample"])
    processes = [
        start(outputs, *SMALL, f"name=cell_{number}", f"max_unjudged=0.{number}")
        for number in range(2)
    ]
    calls = [finish(process) for process in processes]
    assert [done.code for done in calls] == [0, 0], [done.err for done in calls]
    assert sorted(done.made for done in calls) == [[], ["sample"]]
    assert digests(outputs) == digests(finished)
    assert len(list(outputs.glob("runs/cell_*/*/record.json"))) == 2


def test_a_sweep_by_name_composes() -> None:
    shown = call(None, *SMALL, "+sweep=weightings", "--cfg", "hydra", tracking=None)
    assert shown.code == 0, shown.err
    assert "weighting: uniform,correct_only,softmax,advantage" in shown.out
    assert "seed: range(${seeds})" in shown.out
    assert "mode: MULTIRUN" in shown.out


def test_a_cell_that_cannot_work_is_found_before_any_is_run(finished: Path, tmp_path: Path) -> None:
    outputs = copy_of(finished, tmp_path)
    done = call(outputs, "-m", *SMALL, "student.learning_rate=2e-4,-1")
    assert done.code == 1
    [message] = done.messages
    assert message.startswith("ConfigError: cell 'seed=0 +experiment=quickstart_small ")
    assert message.endswith("student: learning_rate is -1.0; wanted above 0")
    assert digests(outputs) == digests(finished)
    assert not (outputs / "sweeps").exists()


@pytest.mark.slow
def test_two_weightings_with_their_null_cells_share_all_they_can(
    finished: Path, tmp_path: Path
) -> None:
    outputs = copy_of(finished, tmp_path)
    command = ("-m", *SMALL, "weighting=uniform,softmax", "student.max_steps=1")
    done = call(outputs, *command)
    assert done.code == 0, done.err
    [folder] = outputs.glob("sweeps/quickstart_small/*")
    cells = read_sweep(folder).cells
    assert [(cell.levels["weighting"], cell.control, cell.state.value) for cell in cells] == [
        ("uniform", False, "done"),
        ("softmax", False, "done"),
        ("shuffled of softmax", True, "done"),
        ("matched_random of softmax", True, "done"),
        ("uniform at equal tokens as softmax", True, "done"),
    ]
    assert counts(outputs) == {"sample": 1, "judge": 1, "weigh": 5, "train": 1 + 5}
    students = {read_manifest(student)["digest"] for student in artefacts(outputs, "train")}
    # The anchors are scored once, each student by itself.
    assert len(artefacts(outputs, "evaluate")) == 2 + len(students)
    before = digests(outputs)
    again = call(outputs, *command)
    assert (again.code, again.made, digests(outputs)) == (0, [], before)
    [costs] = [stage for stage in cost_of(folder).stages if stage.stage == "train"]
    assert (costs.uses, costs.artefacts) == (5, 5)

    run = cells[0].run
    assert run is not None
    stages = json.loads((run / "stages.json").read_text())
    (Path(stages["evaluate/student"]["folder"]) / "items.parquet").unlink()
    assert [cell.state.value for cell in read_sweep(folder).cells].count("failed") == 1
    third = call(outputs, *command)
    assert third.made == ["evaluate/student"]
    assert digests(outputs) == before
