"""A run whose training has two processes: whole, with one of them killed, and with the run killed.

`python run.py` starts and ends them itself.
"""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.runs import (
    SMALL,
    call,
    copy_of,
    digests,
    finish,
    folder_of,
    seconds_until_gone,
    start,
    succeed,
    wait_for,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]

TWO = ("runtime.processes=2",)
TRAINING = "train/*.draft/checkpoints/step00003/manifest.json"


@pytest.fixture(scope="module")
def shared(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The outputs of a run that two processes trained for, undisturbed."""
    outputs = copy_of(finished, tmp_path_factory.mktemp("two"), without=["train"])
    assert succeed(outputs, *TWO).made[0] == "train"
    return outputs


def rank_of(process: subprocess.Popen[str], rank: str) -> int:
    """Return the id of one of the processes that a run has started."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=", "-o", "ppid="], check=True, capture_output=True, text=True
    ).stdout
    for pid, parent in (map(int, line.split()) for line in listed.splitlines()):
        if parent == process.pid:
            surroundings = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            if f"RANK={rank}".encode() in surroundings:
                return pid
    raise AssertionError(f"no process of rank {rank}")


def test_two_processes_train_on_the_same_samples_in_the_same_steps(
    finished: Path, shared: Path
) -> None:
    mine, theirs = (
        json.loads((folder_of(outputs, "train") / "training.json").read_text())
        for outputs in (shared, finished)
    )
    for counts in (mine, theirs):
        counts.pop("best_dev_accuracy"), counts.pop("best_step")
    assert mine == theirs
    curves = [
        {
            row["step"]: row["loss"]
            for row in map(
                json.loads, (folder_of(outputs, "train") / "curves.jsonl").read_text().splitlines()
            )
            if "loss" in row
        }
        for outputs in (shared, finished)
    ]
    assert curves[0] == pytest.approx(curves[1], rel=1e-3)


def test_a_killed_rank_is_named_and_the_same_command_goes_on(
    finished: Path, shared: Path, tmp_path: Path
) -> None:
    outputs = copy_of(finished, tmp_path, without=["train"])
    process = start(outputs, *SMALL, *TWO)
    wait_for(process, outputs / "cache", TRAINING)
    os.kill(rank_of(process, "1"), signal.SIGKILL)
    ended = finish(process)
    assert ended.code == 1
    [message] = ended.messages
    assert message.startswith("StageError: ")
    assert "rank 1 of the 2 processes of MakeStudent ended with exit code -9" in message
    assert seconds_until_gone(process.pid, patience=5) is not None
    assert succeed(outputs, *TWO).made[0] == "train"
    train = next(name for name in digests(shared) if name.startswith("train/"))
    assert digests(outputs)[train] == digests(shared)[train]


def test_nothing_outlives_a_killed_run(finished: Path, tmp_path: Path) -> None:
    outputs = copy_of(finished, tmp_path, without=["train"])
    process = start(outputs, *SMALL, *TWO)
    wait_for(process, outputs / "cache", TRAINING)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    assert seconds_until_gone(process.pid, patience=8) is not None


def test_a_run_that_was_launched_as_one_of_several_is_refused(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    outputs = copy_of(finished, tmp_path, without=["train"])
    refused = call(outputs, *SMALL)
    assert refused.code == 1
    [message] = refused.messages
    assert message.startswith("ConfigError: launched as one of 2 processes")
    assert "runtime.processes=NUMBER" in message
