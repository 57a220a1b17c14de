"""`advdistill sync` with W&B's own uploader, against a server on this machine."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from advdistill.tracking import Artifact, Cell, TrackingMode, WandbTracking
from tests.wandb_server import WandbStore, serving

ID = "ab" * 8
CONTENT = b"answers" * 100


@pytest.fixture
def server() -> Iterator[WandbStore]:
    with serving() as store:
        yield store


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The outputs folder of a finished run that has one of everything; never to be written."""
    outputs = tmp_path_factory.mktemp("made") / "outputs"
    cached = outputs / "cache" / "sample" / "1" / "shards"
    cached.mkdir(parents=True)
    (cached / "00000.parquet").write_bytes(CONTENT)
    tracking = WandbTracking(project="p", entity=None, mode=TrackingMode.offline, samples=1)
    levels = {"weighting": "softmax", "seed": "0"}
    tracker = tracking.open(
        Cell(key="ab" * 32, name="n", group="g-1", levels=levels, config={}, folder=outputs)
    )
    for step, loss in enumerate((3.0, 1.0, 2.0)):
        tracker.log("train", {"loss": loss}, step)
    tracker.table("samples", ["prompt_id", "sample"], [["p/0", 0]])
    tracker.artifact(_artifact("pool-1", (cached / "00000.parquet",), ()))
    tracker.artifact(_artifact("weights-2", (), ("pool-1",)))
    tracker.summary({"student/accuracy": 0.5, "student/items": 24})
    assert tracker.finish(complete=True) is not None
    return outputs


@pytest.fixture
def outputs(made: Path, tmp_path: Path) -> Path:
    """A copy in another place: the outputs of a machine without a network are moved to one."""
    shutil.copytree(made, tmp_path / "outputs")
    return tmp_path / "outputs"


def sync(outputs: Path, server: WandbStore) -> subprocess.CompletedProcess[str]:
    [folder] = [one for one in (outputs / "wandb").glob("offline-run-*") if one.is_dir()]
    return command(outputs, server, "sync", str(folder))


def command(outputs: Path, server: WandbStore, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: one for name, one in os.environ.items() if not name.startswith("WANDB")}
    return subprocess.run(
        [sys.executable, "-m", "advdistill", *arguments],
        cwd=outputs.parent,
        env={
            **environment,
            "WANDB_BASE_URL": server.address,
            "WANDB_API_KEY": "b" * 40,
            "WANDB_MODE": "offline",
            "HOME": str(outputs.parent),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_all_of_a_run_arrives_and_only_once(outputs: Path, server: WandbStore) -> None:
    done = sync(outputs, server)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 finished runs are uploaded" in done.stdout
    [(run_id, run)] = server.runs.items()
    assert (run_id, run["groupName"], run["jobType"], run["state"]) == (
        ID,
        "g-1",
        "cell",
        "finished",
    )
    assert run["tags"] == ["weighting=softmax", "seed=0"]
    assert json.loads(run["config"])["levels/weighting"] == {"value": "softmax"}
    summary = json.loads(run["summaryMetrics"])
    assert (summary["student/accuracy"], summary["train/loss"]) == (0.5, {"min": 1, "last": 2})
    assert [row["train/loss"] for row in server.history.values() if "train/loss" in row] == [
        3,
        1,
        2,
    ]
    assert server.files["pool-1/00000.parquet"] == CONTENT
    [table] = [one for name, one in server.files.items() if name.endswith(".table.json")]
    assert json.loads(table)["data"] == [["p/0", 0]]
    assert server.artifacts["weights-2"].metadata["inputs"] == {"pool-1": "digest of pool-1"}
    assert server.uses == ["pool-1"]
    [mark] = (outputs / "wandb").glob("offline-run-*/uploaded.json")
    assert json.loads(mark.read_text())["address"].endswith(f"/p/runs/{ID}")

    asked = len(server.asked)
    again = sync(outputs, server)
    assert (again.returncode, len(server.asked)) == (0, asked)
    assert "uploaded before" in again.stdout


@pytest.mark.slow
def test_what_was_cut_off_is_sent_again_to_the_same_run(outputs: Path, server: WandbStore) -> None:
    server.loses = {"pool-1"}
    done = sync(outputs, server)
    assert done.returncode == 1
    assert "W&B lacks artifact 'pool-1'" in done.stdout
    assert list((outputs / "wandb").glob("offline-run-*/*.synced")) != []  # so says W&B
    assert list((outputs / "wandb").glob("offline-run-*/uploaded.json")) == []

    server.loses = set()
    again = sync(outputs, server)
    assert again.returncode == 0, again.stdout + again.stderr
    assert list(server.runs) == [ID]
    assert server.artifacts["pool-1"].committed
    assert sum("train/loss" in row for row in server.history.values()) == 3


def test_a_dashboard_is_saved_once_and_then_renewed(tmp_path: Path, server: WandbStore) -> None:
    run = tmp_path / "outputs" / "runs" / "n" / "t"
    run.mkdir(parents=True)
    (run / "record.json").write_text(json.dumps({"group": "g-1"}))
    (run / "config.yaml").write_text(
        "tracking: {_target_: advdistill.tracking.WandbTracking, project: p, entity: null, "
        "mode: offline, samples: 2}"
    )
    told = []
    for _ in range(2):
        done = command(tmp_path / "outputs", server, "wandb-dashboard", str(run))
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
    assert told[0] == told[1]
    assert sorted(view["type"] for view in server.views.values()) == ["project-view", "runs"]
    assert all("levels/weighting" in view["spec"] for view in server.views.values())
    assert all(view["project"]["entityName"] == "team" for view in server.views.values())


def _artifact(name: str, files: tuple[Path, ...], inputs: tuple[str, ...]) -> Artifact:
    return Artifact(
        name=name,
        type="dataset",
        digest=f"digest of {name}",
        files=files,
        inputs=inputs,
        metadata={},
    )
