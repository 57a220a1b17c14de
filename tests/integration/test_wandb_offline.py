"""A real offline run, read back with W&B's own reader."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from advdistill.tracking import Artifact, Cell, TrackingMode, WandbTracking
from tests.wandb_reader import WandbRun, offline_folders, read_run

KEY = "0123456789abcdef" * 4
API_KEY = "5ec7e7" * 7
TRACKING = WandbTracking(project="test", entity=None, mode=TrackingMode.offline, samples=2)


def cell_in(folder: Path) -> Cell:
    return Cell(
        key=KEY,
        name="quickstart",
        group="weightings",
        levels={"weighting": "softmax", "objective": "o" * 80, "seed": "0"},
        config={"seed": 0, "student": {"lora": None, "rates": [1e-4, 1e-5]}, "api_key": API_KEY},
        folder=folder,
    )


def weights_in(folder: Path) -> Artifact:
    (folder / "nested").mkdir(parents=True)
    files = (folder / "weights.parquet", folder / "nested" / "weights.parquet")
    for file in files:
        file.write_bytes(b"w" * 1000)
    return Artifact(
        name="weights",
        type="dataset",
        digest="2" * 64,
        files=files,
        inputs=("pool",),
        metadata={"rows": 4},
    )


POOL = Artifact(name="pool", type="dataset", digest="1" * 64, files=(), inputs=(), metadata={})


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working directory of the run, which a run's folder lies below, as in real life."""
    return tmp_path_factory.mktemp("workplace")


@pytest.fixture(scope="module")
def folder(workplace: Path) -> Path:
    """The folder of a finished run that has one of everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workplace)
        patch.setenv("WANDB_API_KEY", API_KEY)
        patch.setenv("HOME", str(workplace / "home"))
        environment = dict(os.environ)
        tracker = TRACKING.open(cell_in(workplace / "outputs"))
        for step in range(3):
            tracker.log("train", {"loss": 1 / (step + 1)}, step)
        tracker.log("evaluate", {"accuracy": 0.25}, 0)
        tracker.table("samples", ("prompt", "reward"), [("1 + 1", 1.0), ("2 + 2", None)])
        tracker.artifact(POOL)
        tracker.artifact(weights_in(workplace / "weights"))
        tracker.summary({"accuracy": 0.5, "best": "softmax"})
        written = tracker.finish(complete=True)
        assert dict(os.environ) == environment
    assert written is not None
    return Path(written)


@pytest.fixture(scope="module")
def run(folder: Path) -> WandbRun:
    return read_run(folder)


def test_a_run_is_named_by_its_cell(run: WandbRun) -> None:
    assert (run.run_id, run.name, run.group, run.job_type, run.exit_code) == (
        KEY[:16],
        "quickstart",
        "weightings",
        "cell",
        0,
    )
    assert run.tags == ["weighting=softmax", "objective=" + "o" * 54, "seed=0"]


def test_the_config_is_flat_with_levels_and_has_no_secret(run: WandbRun) -> None:
    assert run.config == {
        "seed": 0,
        "student.lora": None,
        "student.rates": [1e-4, 1e-5],
        "levels/weighting": "softmax",
        "levels/objective": "o" * 80,
        "levels/seed": "0",
        "cell": KEY[:16],
    }


def test_each_stage_has_curves_over_its_own_step(run: WandbRun) -> None:
    assert run.curve("train/loss") == pytest.approx([1, 1 / 2, 1 / 3])
    assert run.curve("train/step") == [0, 1, 2]
    assert run.curve("evaluate/accuracy") == [0.25]
    assert run.step_metrics == {"train/*": "train/step", "evaluate/*": "evaluate/step"}


def test_the_table_is_whole(run: WandbRun) -> None:
    assert run.tables == {"samples": [["prompt", "reward"], ["1 + 1", 1.0], ["2 + 2", None]]}


def test_an_artifact_names_the_digests_it_was_made_from(run: WandbRun) -> None:
    assert set(run.artifacts) == {"pool", "weights"}
    assert run.artifacts["pool"].metadata == {"digest": "1" * 64, "inputs": {}}
    assert run.artifacts["weights"].metadata == {
        "rows": 4,
        "digest": "2" * 64,
        "inputs": {"pool": "1" * 64},
    }


def test_an_artifact_is_not_copied(run: WandbRun, workplace: Path) -> None:
    entries = run.artifacts["weights"].files
    assert {name: entry["local_path"] for name, entry in entries.items()} == {
        "weights.parquet": str(Path("..", "weights", "weights.parquet")),
        "nested/weights.parquet": str(Path("..", "weights", "nested", "weights.parquet")),
    }
    everything = [path for path in workplace.rglob("*") if path.is_file()]
    assert len([path for path in everything if path.stat().st_size == 1000]) == 2


def test_the_summary_has_the_final_numbers(run: WandbRun) -> None:
    assert run.summary["accuracy"] == 0.5
    assert run.summary["best"] == "softmax"


def test_nothing_is_written_to_the_home_folder(folder: Path, workplace: Path) -> None:
    assert not (workplace / "home").exists()
    assert offline_folders(workplace / "outputs") == [folder]


def test_the_record_does_not_name_the_machine(folder: Path, workplace: Path) -> None:
    recorded = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert len(recorded) > 1000
    for private in (str(workplace), API_KEY, sys.executable, str(Path(__file__).parent)):
        assert private.encode() not in recorded


def test_the_record_does_not_name_the_host(tmp_path: Path) -> None:
    name = "host-with-a-name"
    program = (
        f"import socket; socket.gethostname = lambda: {name!r}\n"
        "from tests.integration.test_wandb_offline import *\n"
        "TRACKING.open(cell_in(Path(sys.argv[1]))).finish(complete=True)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=120)
    [folder] = offline_folders(tmp_path)
    recorded = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert name.encode() not in recorded
    real = socket.gethostname()
    # A short name such as `vm` may stand in any compressed or random text.
    assert len(real) < 8 or real.encode() not in recorded


@pytest.mark.parametrize("end", ["os._exit(9)", "tracker.finish(complete=False)"])
def test_an_unfinished_run_gives_way_to_the_next(tmp_path: Path, end: str) -> None:
    program = (
        "from tests.integration.test_wandb_offline import *\n"
        "tracker = TRACKING.open(cell_in(Path(sys.argv[1])))\n"
        "tracker.log('train', {'loss': 9.0}, 0)\n" + end
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, timeout=120)
    [unfinished] = offline_folders(tmp_path)
    other = unfinished.with_name(f"offline-run-20260101_000000-{'f' * 16}")
    other.mkdir()
    tracker = TRACKING.open(cell_in(tmp_path))
    tracker.log("train", {"loss": 1.0}, 0)
    finished = tracker.finish(complete=True)
    assert finished is not None
    assert set(offline_folders(tmp_path)) == {other, Path(finished)}
    assert read_run(Path(finished)).curve("train/loss") == [1.0]
