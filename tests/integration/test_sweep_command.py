"""A multirun whose cells are finished: it is laid out, found done, looked at and resumed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from advdistill.config import plan_of
from advdistill.digests import digest_of_json, settings_of
from tests.builders import composed
from tests.integration.runs import ROOT, call
from tests.unit.sweep.finishing import finish

pytestmark = pytest.mark.timeout(300)
SMALL = ("+experiment=quickstart_small", "tracking=none")
COMMAND = ("-m", *SMALL, "weighting=uniform,softmax", "sweep.nulls=false")


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Outputs that hold the records of two cells, and the sweep of both."""
    folder = tmp_path_factory.mktemp("swept") / "outputs"
    for weighting in ("uniform", "softmax"):
        plan = plan_of(composed(*SMALL, f"weighting={weighting}", f"outputs={folder}"), {})
        tracking = digest_of_json(settings_of(plan.tracking))
        finish(folder, plan.key[:32], tracking=tracking)
    done = call(folder, *COMMAND, tracking=None)
    assert done.code == 0, done.err
    assert "2 cells = 2 done + 0 to run" in done.out
    return folder


def advdistill(outputs: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "advdistill", *arguments, f"outputs={outputs}"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_a_sweep_of_finished_cells_has_a_ledger(outputs: Path) -> None:
    first, second, _ = advdistill(outputs, "sweep", "status", "quickstart_small").splitlines()
    assert [line.split()[:4] for line in (first, second)] == [
        ["done", first.split()[1], "weighting=uniform", "seed=0"],
        ["done", second.split()[1], "weighting=softmax", "seed=0"],
    ]


def test_a_sweep_goes_on_from_its_ledger(outputs: Path) -> None:
    out = advdistill(outputs, "sweep", "resume", "quickstart_small")
    assert "2 cells = 2 done + 0 to run" in out
    assert len(list(outputs.glob("sweeps/*/*/sweep.json"))) == 1


def test_the_ledger_holds_the_command(outputs: Path) -> None:
    [file] = outputs.glob("sweeps/*/*/sweep.json")
    told = json.loads(file.read_text())
    assert told["arguments"][-3:-1] == ["weighting=uniform,softmax", "sweep.nulls=false"]
    assert set(told) == {"name", "hash", "cells", "arguments", "config_folder"}
