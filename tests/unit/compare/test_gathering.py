import json
from pathlib import Path

import pytest

from advdistill.compare.comparison import Question, compare
from advdistill.compare.gathering import gather
from advdistill.errors import DataError
from advdistill.stages import VERSIONS
from advdistill.sweep.ledger import (
    CellFile,
    SweepFile,
    cell_folder,
    write_cell_file,
    write_sweep_file,
)
from tests.unit.compare.conftest import Study

ARMS = {"uniform": 0.35, "softmax": 0.75, "shuffled": 0.7}
LEVELS = {"uniform": "uniform", "softmax": "softmax", "shuffled": "shuffled of softmax"}


def sweep_of(outputs: Path, runs: list[Path], *, finished: bool = True) -> Path:
    """Write the ledger of these runs, three seeds to an arm, and of a cell that never ran."""
    folder = outputs / "sweeps" / "study" / ("ab" * 6)
    keys = [json.loads((run / "record.json").read_text())["key"][:32] for run in runs]
    cells = [
        (f"c{number}", key if finished else "0" * 32, LEVELS[arm], number % 3)
        for number, (key, arm) in enumerate(
            zip(keys, [a for a in ARMS for _ in range(3)], strict=True)
        )
    ]
    cells.append(("planned", None, "softmax", 3))
    for name, key, level, seed in cells:
        write_cell_file(
            cell_folder(folder, name),
            CellFile(
                id=name,
                key=key,
                overrides=[],
                levels={"weighting": level},
                seed=seed,
                control="shuffled" in level,
                pool="pool",
                equal_to=None,
                tracking="",
                config={},
                choices={},
            ),
        )
    write_sweep_file(
        folder,
        SweepFile(
            name="study",
            hash="ab" * 32,
            cells=[name for name, *_ in cells],
            arguments=[],
            config_folder=None,
        ),
    )
    return folder


def test_a_sweep_is_compared_by_its_levels_and_its_null_cells(study: Study, tmp_path: Path) -> None:
    folder = sweep_of(tmp_path / "outputs", study(ARMS))
    found = gather([folder])
    assert found.title == "study abababababab"
    assert {member.levels["weighting"] for member in found.members if member.control} == {
        "shuffled of softmax"
    }
    comparison = compare(found.members, Question(), title=found.title, refusals=found.refusals)
    [refusal] = comparison.refusals
    assert refusal.reason.startswith("softmax, seed 3 is planned; wanted it finished")
    [sentence] = comparison.sentences
    assert "softmax beats uniform by " in sentence
    assert "It does not beat shuffled weights" in sentence


def test_a_sweep_of_an_earlier_version_can_still_be_compared(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sweep_of(tmp_path / "outputs", study(ARMS, items=5))
    monkeypatch.setitem(VERSIONS, "train", VERSIONS["train"] + 1)
    assert len(gather([folder]).members) == 9


def test_runs_and_a_sweep_together_are_told_apart_by_their_settings(
    study: Study, tmp_path: Path
) -> None:
    runs = study(ARMS)
    folder = sweep_of(tmp_path / "outputs", runs)
    found = gather([folder, *runs])
    assert len(found.members) == len(runs)
    assert {member.levels["weighting"] for member in found.members} == {
        "uniform",
        "softmax",
        "shuffled(softmax)",
    }


def test_a_sweep_without_a_finished_cell_is_refused(study: Study, tmp_path: Path) -> None:
    folder = sweep_of(tmp_path / "outputs", study(ARMS, items=5), finished=False)
    with pytest.raises(DataError, match="none of its 10 cells is finished"):
        gather([folder])
