import json
import shutil
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from advdistill.audit_runs import read_run
from advdistill.errors import DataError
from advdistill.making import shard_file
from advdistill.records import Prompt, Response, Reward, Weight
from advdistill.tables import write_rows
from tests.builders import composed, prompt, response, reward


def finished(folder: Path) -> Path:
    """Write what a run of one prompt with two answers leaves; return its run folder."""
    outputs = folder / "outputs"
    made = {name: outputs / "cache" / name / "0f" for name in ("load", "sample", "judge", "weigh")}
    for place in made.values():
        (place / "shards").mkdir(parents=True)
    write_rows(made["load"] / "train.parquet", Prompt, [[prompt()]])
    for number in range(2):
        write_rows(
            made["sample"] / "shards" / f"{number:05d}.parquet",
            Response,
            [[response(sample=number)]],
        )
    rewards = [reward(sample=n, rule=rule) for n in range(2) for rule in ("number", "total")]
    write_rows(shard_file(made["judge"], 0), Reward, [rewards])
    weights = [Weight(prompt_id="p/train/0", sample=number, value=1.0) for number in range(2)]
    write_rows(shard_file(made["weigh"], 0), Weight, [weights])
    run = outputs / "runs" / "own" / "2026-01-31_12-00-00"
    run.mkdir(parents=True)
    stages = {name: {"folder": str(place), "digest": "0"} for name, place in made.items()}
    (run / "stages.json").write_text(json.dumps(stages))
    OmegaConf.save(composed("name=own", "answer_format=boxed"), run / "config.yaml")
    return run


def test_a_run_is_its_rows_and_the_components_that_weighed_them(tmp_path: Path) -> None:
    run = read_run(finished(tmp_path))
    assert run.name == "own"
    assert list(run.pool.prompts) == ["p/train/0"]
    assert [row.sample for row in run.pool.responses] == [0, 1]
    assert [len(shard) for shard in run.shards] == [1, 1]
    assert (len(run.pool.rewards), len(run.pool.weights)) == (4, 2)
    assert run.answer_format.style == "boxed"
    assert run.verifier == "advdistill.verifier.number.NumberVerifier"
    assert run.components["verifier"] == "NumberVerifier relative_tolerance=0.0"


def test_a_run_whose_outputs_were_moved_is_found(tmp_path: Path) -> None:
    place = finished(tmp_path).relative_to(tmp_path)
    (tmp_path / "outputs").rename(tmp_path / "moved")
    assert len(read_run(tmp_path / "moved" / Path(*place.parts[1:])).pool.responses) == 2


def test_the_prompts_are_those_left_by_the_decontamination(tmp_path: Path) -> None:
    run = finished(tmp_path)
    stages = json.loads((run / "stages.json").read_text())
    clean = tmp_path / "clean"
    clean.mkdir()
    write_rows(clean / "train.parquet", Prompt, [[prompt("p/clean")]])
    (run / "stages.json").write_text(
        json.dumps({**stages, "decontaminate": {"folder": str(clean)}})
    )
    assert list(read_run(run).pool.prompts) == ["p/clean"]


def test_a_folder_above_runs_names_the_last(tmp_path: Path) -> None:
    run = finished(tmp_path)
    later = run.with_name("2026-02-01_00-00-00")
    shutil.copytree(run, later)
    for folder in (run.parent, run.parent.parent, tmp_path / "outputs"):
        with pytest.raises(DataError, match=r"did you mean .*2026-02-01_00-00-00, the last of 2"):
            read_run(folder)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("stages.json", None, ["is no finished run", "outputs/runs"]),
        ("stages.json", "{", ["is no finished run"]),
        ("stages.json", "[]", ["damaged"]),
        ("stages.json", "{}", ["names no stage 'sample'"]),
        ("config.yaml", None, ["is no finished run"]),
        ("config.yaml", "{:", ["is no finished run"]),
        ("config.yaml", "- 1", ["damaged"]),
    ],
)
def test_a_folder_that_is_no_run_is_one_message(
    tmp_path: Path, name: str, content: str | None, words: list[str]
) -> None:
    run = finished(tmp_path)
    (run / name).unlink()
    if content is not None:
        (run / name).write_text(content)
    with pytest.raises(DataError) as caught:
        read_run(run)
    for word in words:
        assert word in str(caught.value)


def test_what_was_cleared_away_is_one_message(tmp_path: Path) -> None:
    run = finished(tmp_path)
    shutil.rmtree(tmp_path / "outputs" / "cache" / "judge")
    with pytest.raises(
        DataError, match=r"stage 'judge' made is neither at .* nor at .*cache/judge"
    ):
        read_run(run)
