import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from advdistill.compare.runs import FinishedRun, read_run
from advdistill.errors import ConfigError, DataError
from advdistill.export.bundle import export
from advdistill.export.card import model_card
from advdistill.export.scores import gains, intervals
from advdistill.export.versions import constraints
from tests.finished import Told, finished_run

EVIL = "\u202e</script>|---\n# Evil\n"


@pytest.fixture
def run(tmp_path: Path) -> FinishedRun:
    right = {"teacher": range(12), "base": [0, 1], "student": [1, 2, 3]}
    return read_run(finished_run(tmp_path / "outputs", Told(right=right, evil=EVIL)))


def test_the_folder_holds_model_card_and_replay(run: FinishedRun, tmp_path: Path) -> None:
    folder = export(run, tmp_path / "out" / "student")
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert files == [
        "README.md", "config.json", "model.safetensors", "replay/README.md",
        "replay/constraints.txt", "replay/digests.json", "replay/replay.yaml",
    ]  # fmt: skip
    assert (folder / "model.safetensors").read_text() == "uniform0"
    assert json.loads((folder / "replay" / "digests.json").read_text())["cell"] == run.key
    assert [path.name for path in folder.parent.iterdir()] == ["student"]
    assert str(tmp_path) not in "".join(
        path.read_text() for path in folder.rglob("*") if path.suffix in (".md", ".yaml", ".json")
    )


def test_the_replay_composes_to_the_runs_own_configuration(
    run: FinishedRun, tmp_path: Path
) -> None:
    folder = export(run, tmp_path / "student") / "replay"
    with initialize_config_dir(version_base="1.3", config_dir=str(folder)):
        cfg = compose("replay")
    plain = OmegaConf.to_container(cfg)
    assert plain == {**run.config, "outputs": "outputs"}


def test_what_is_there_is_left_alone(run: FinishedRun, tmp_path: Path) -> None:
    (tmp_path / "student").mkdir()
    with pytest.raises(ConfigError, match="exists; wanted a folder to be made"):
        export(run, tmp_path / "student")


@pytest.mark.parametrize(("act", "found"), [("edit", "is not the file"), ("delete", "is gone")])
def test_a_model_that_was_changed_is_refused_and_leaves_nothing(
    run: FinishedRun, tmp_path: Path, act: str, found: str
) -> None:
    file = run.stages["train"].folder / "model" / "model.safetensors"
    file.write_bytes(b"other") if act == "edit" else file.unlink()
    with pytest.raises(DataError, match=found):
        export(run, tmp_path / "student")
    assert not (tmp_path / "student").exists()


def test_the_card_states_scores_with_intervals_and_leaves_the_licence_open(
    run: FinishedRun,
) -> None:
    card = model_card(run)
    _, front, body = card.split("---\n", 2)
    matter = yaml.safe_load(front)
    assert matter["library_name"] == "transformers"
    assert "license" not in matter
    assert "base_model" not in matter  # it is on no hub
    [result] = matter["model-index"][0]["results"]
    assert result["metrics"] == [{"type": "accuracy", "value": 0.25}]
    # Wilson's interval of 3 of 12 is 0.0889 to 0.5323.
    assert "| student | quickstart | 25.0 | 8.9 to 53.2 | 12 | 0.0 |" in body
    assert "2 problems only the student gets\nright, 1 only the base" in body
    assert "To be settled by whoever publishes this" in body


def test_a_base_on_a_hub_is_named(run: FinishedRun) -> None:
    config = {**run.config, "student": {**run.config["student"], "model": "some/model"}}
    front = model_card(replace(run, config=config)).split("---\n", 2)[1]
    assert yaml.safe_load(front)["base_model"] == ["some/model"]


def test_intervals_and_gains_are_those_of_the_items(run: FinishedRun) -> None:
    student = next(one for one in intervals(run) if one.role == "student")
    assert (round(student.low, 4), round(student.high, 4)) == (0.0889, 0.5323)
    [gain] = gains(run)
    assert (gain.only_student, gain.only_base, gain.p_value) == (2, 1, 1.0)
    assert gain.points == pytest.approx(100 / 12)


def test_constraints_name_what_is_installed_once() -> None:
    names = [line.partition("==")[0].lower() for line in constraints()]
    assert {"advdistill", "torch", "jinja2", "omegaconf"} <= set(names)
    assert len(names) == len(set(names))
    assert names == sorted(names)
