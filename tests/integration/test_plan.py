"""What a plan foretells, held against the run."""

import json
from pathlib import Path
from typing import Any

import pytest

from advdistill.cli.plan import main
from tests.integration.runs import SMALL, STAGES, copy_of, succeed

pytestmark = pytest.mark.slow


def foretold(capsys: pytest.CaptureFixture[str], outputs: Path, *overrides: str) -> dict[str, Any]:
    code = main([*SMALL, f"outputs={outputs}", *overrides, "--json"])
    assert code == 0
    return json.loads(capsys.readouterr().out)


def made(plan: dict[str, Any], cell: int = 0) -> list[str]:
    steps = plan["cells"][cell]["steps"]
    return [name for name, step in steps.items() if step["state"] == "made"]


def test_a_new_weighting_makes_what_was_foretold(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = copy_of(finished, tmp_path)
    assert made(foretold(capsys, outputs)) == []

    sweep = foretold(capsys, outputs, "weighting=softmax,uniform", "sweep.nulls=false")
    assert list(sweep["cells"][0]["steps"]) == list(STAGES)
    assert made(sweep) == []
    assert made(sweep, 1) == ["weigh", "train", "evaluate/student"]
    # The finished run timed a weighing, a training and an evaluation of the same kind.
    assert sweep["unknown"] == {}
    assert set(sweep["got_from"]) == {"weigh", "train", "evaluate"}
    assert 0 < sweep["seconds"]["low"] < sweep["seconds"]["expected"] < sweep["seconds"]["high"]

    assert succeed(outputs, "weighting=uniform").made == made(sweep, 1)
    assert made(foretold(capsys, outputs, "weighting=uniform")) == []


def test_a_budget_that_is_too_small_is_refused(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = copy_of(finished, tmp_path)
    given = [*SMALL, f"outputs={outputs}", "weighting=uniform", "seeds=3"]
    assert main([*given, "--budget", "1s"]) == 1
    assert "beyond" in capsys.readouterr().err
    assert main([*given, "--budget", "100h"]) == 0


def test_a_probe_tells_of_every_kind_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = foretold(capsys, tmp_path / "outputs", "--probe")
    assert made(plan) == list(STAGES)
    assert plan["unknown"] == {}
    assert plan["got_from"]["load"] == "done by the plan"
    assert plan["got_from"]["sample"] == "probe of 16, 64"
    assert plan["seconds_by_stage"]["train"]["expected"] > 0
    assert list((tmp_path / "outputs").iterdir()) == []
