import json
import shutil
from pathlib import Path

import pytest

from advdistill.compare.runs import read_run
from advdistill.errors import DataError
from advdistill.records import Verdict
from tests.finished_runs import TASK, Cell, write_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(
        tmp_path / "outputs", Cell(right=[True, False, True], weighting="softmax", seed=2)
    )


def test_a_run_reads_back_as_it_was_written(folder: Path) -> None:
    run = read_run(folder)
    assert (run.name, run.seed, run.choices["weighting"]) == ("quickstart_small", 2, "softmax")
    assert run.tasks == (TASK,)
    assert run.roles(TASK) == ("base", "student")
    assert run.training == {"tokens": 1000, "steps": 12, "best_step": 9}
    verdicts = [item.verdict for item in run.items(TASK, "student")]
    assert verdicts == [Verdict.passed, Verdict.failed, Verdict.passed]


def test_a_changed_field_is_spelt_beside_the_option(tmp_path: Path) -> None:
    cell = Cell(right=[True], weighting="softmax", overrides=("weighting.temperature=2.5",))
    assert read_run(write_run(tmp_path, cell)).choices["weighting"] == "softmax temperature=2.5"


def test_a_control_names_what_it_mixes_up(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path, Cell(right=[True], weighting="shuffled")))
    assert run.choices["weighting"] == "shuffled(softmax)"


def test_outputs_may_be_moved(folder: Path, tmp_path: Path) -> None:
    shutil.move(tmp_path / "outputs", tmp_path / "elsewhere")
    run = read_run(tmp_path / "elsewhere" / folder.relative_to(tmp_path / "outputs"))
    assert len(run.items(TASK, "student")) == 3


@pytest.mark.parametrize("change", ["edited", "deleted"])
def test_answers_that_were_not_scored_are_refused(folder: Path, change: str) -> None:
    run = read_run(folder)
    path = run.evaluation(TASK, "student").folder / "items.parquet"
    path.write_bytes(b"other") if change == "edited" else path.unlink()
    with pytest.raises(DataError, match="give the run's command again"):
        run.items(TASK, "student")


def test_an_artefact_that_was_made_anew_is_refused(folder: Path) -> None:
    stages = json.loads((folder / "stages.json").read_text())
    stages["train"]["digest"] = "0" * 64
    (folder / "stages.json").write_text(json.dumps(stages))
    with pytest.raises(DataError, match="other content than the run recorded"):
        read_run(folder)


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_damaged_record_is_refused(folder: Path, text: str) -> None:
    (folder / "record.json").write_text(text)
    with pytest.raises(DataError, match=r"record.json"):
        read_run(folder)


def test_another_folder_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no finished run"):
        read_run(tmp_path)
