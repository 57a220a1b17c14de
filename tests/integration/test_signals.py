"""Ctrl-C, SIGTERM and the death of the parent: the work stops, is kept, and goes on as if never."""

import os
import signal
from pathlib import Path

import pytest

from tests.integration.runs import (
    SMALL,
    copy_of,
    digests,
    finish,
    seconds_until_gone,
    start,
    succeed,
    wait_for,
)

SAMPLING = "pool/*/*.parquet"
TRAINING = "cache/train/*.draft/checkpoints/step00003/manifest.json"
STARTED = "cache/sample/*.draft"
ISOLATED = "runtime.isolate=true"


@pytest.mark.parametrize(
    ("number", "stage", "moment"),
    [
        pytest.param(signal.SIGINT, "sample", SAMPLING, id="ctrl-c in sampling"),
        pytest.param(
            signal.SIGTERM, "train", TRAINING, id="sigterm in training", marks=pytest.mark.long
        ),
    ],
)
def test_a_stopped_run_goes_on(
    finished: Path, tmp_path: Path, number: signal.Signals, stage: str, moment: str
) -> None:
    outputs = copy_of(finished, tmp_path, without=[stage])
    process = start(outputs, *SMALL)
    wait_for(process, outputs, moment)
    os.killpg(process.pid, number)
    stopped = finish(process)
    assert stopped.code == 128 + number
    assert stopped.messages == [
        f"Stopped by {number.name}. Every finished stage and shard is kept: "
        "give the same command again to go on."
    ]
    assert stage not in stopped.lines
    assert seconds_until_gone(process.pid, patience=5) is not None
    assert succeed(outputs).made == [stage]
    assert digests(outputs) == digests(finished)


@pytest.mark.parametrize(
    ("number", "whole_group"),
    [(signal.SIGINT, True), (signal.SIGTERM, False)],
    ids=["ctrl-c", "sigterm"],
)
def test_a_stop_ends_the_process_of_a_stage(
    finished: Path, tmp_path: Path, number: signal.Signals, whole_group: bool
) -> None:
    outputs = copy_of(finished, tmp_path, without=["sample"])
    process = start(outputs, *SMALL, ISOLATED)
    wait_for(process, outputs, STARTED)
    (os.killpg if whole_group else os.kill)(process.pid, number)
    stopped = finish(process)
    assert stopped.code == 128 + number
    assert len(stopped.messages) == 1, stopped.err
    [message] = stopped.messages
    assert message.startswith(f"Stopped by {number.name}.")
    assert seconds_until_gone(process.pid, patience=5) is not None


@pytest.mark.parametrize(
    ("stage", "moment"),
    [("sample", STARTED), ("train", TRAINING)],
    ids=["at its start", "in training"],
)
def test_the_process_of_a_stage_does_not_outlive_its_parent(
    finished: Path, tmp_path: Path, stage: str, moment: str
) -> None:
    outputs = copy_of(finished, tmp_path, without=[stage])
    process = start(outputs, *SMALL, ISOLATED)
    wait_for(process, outputs, moment)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    seconds = seconds_until_gone(process.pid, patience=10)
    assert seconds is not None
    assert seconds < 5  # about 1 on an idle machine
    finish(process)
