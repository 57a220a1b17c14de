"""The server's side as far as it goes without one: W&B's command and its answers are scripted."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from advdistill.errors import ConfigError, StageError
from tests.offline_runs import TOLD, offline_run

SENDER = """
import os, pathlib, sys
hidden = [os.environ.get(name) for name in ("WANDB_MODE", "WANDB_SERVICE")]
pathlib.Path("sent").write_text(f"{hidden} {sys.argv[1]}")
print("Not authenticated.", file=sys.stderr)
sys.exit(int(os.environ.get("ENDS_WITH", "0")))
"""


@dataclass
class ScriptedArtifact:
    name: str
    state: str = "COMMITTED"


@dataclass
class ScriptedRun:
    url: str = "https://wandb.example/r"
    state: str = "finished"
    summary_metrics: dict[str, Any] = field(default_factory=lambda: dict(TOLD.summary))
    used: list[str] = field(default_factory=list)

    def use_artifact(self, artifact: ScriptedArtifact) -> None:
        self.used.append(artifact.name)


@dataclass
class ScriptedApi:
    """What `wandb.Api` answers."""

    runs: dict[str, ScriptedRun]
    default_entity: str | None = "me"
    fails: Exception | None = None
    lacks: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()

    def flush(self) -> None:
        if self.fails:
            raise self.fails

    def run(self, path: str) -> ScriptedRun:
        from wandb.apis.public.runs import RunNotFoundError
        from wandb.errors import CommError

        if path not in self.runs:
            raise CommError(path, RunNotFoundError(path))
        return self.runs[path]

    def artifact_exists(self, name: str) -> bool:
        return name not in self.lacks

    def artifact(self, name: str) -> ScriptedArtifact:
        return ScriptedArtifact(name, "PENDING" if name in self.pending else "COMMITTED")


def server_of(api: ScriptedApi, **sync: Any) -> Any:
    from advdistill.wandb_server import WandbServer

    told_api: Any = api
    return WandbServer(told_api, **sync)


def test_the_command_starts_in_the_outputs_folder_and_goes_online(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SERVICE", "of this process")
    run = offline_run(tmp_path / "outputs")
    server_of(ScriptedApi({}), sync=(sys.executable, "-c", SENDER)).send(run)
    assert (tmp_path / "outputs" / "sent").read_text() == f"[None, None] {run.folder}"


def test_a_command_that_fails_is_told_with_its_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENDS_WITH", "3")
    with pytest.raises(StageError, match=r"ended with 3 \(Not authenticated"):
        server_of(ScriptedApi({}), sync=(sys.executable, "-c", SENDER)).send(offline_run(tmp_path))


def test_what_a_server_holds_is_read() -> None:
    from advdistill.uploading import lacking

    held = server_of(ScriptedApi({f"team/p/{TOLD.run_id}": ScriptedRun()})).held(TOLD)
    assert held is not None
    assert lacking(held, TOLD) == []


@pytest.mark.parametrize("how", ["lacks", "pending"])
def test_an_artifact_that_is_not_whole_is_lacking(how: str) -> None:
    from advdistill.uploading import lacking

    there = {f"team/p/{TOLD.run_id}": ScriptedRun()}
    scripted: dict[str, Any] = {how: ("team/p/pool-1:latest",)}
    held = server_of(ScriptedApi(there, **scripted)).held(TOLD)
    assert held is not None
    assert lacking(held, TOLD) == ["artifact 'pool-1'"]


def test_a_run_that_a_server_does_not_know_is_none() -> None:
    assert server_of(ScriptedApi({})).held(TOLD) is None


def test_inputs_become_edges() -> None:
    run = ScriptedRun()
    server_of(ScriptedApi({f"team/p/{TOLD.run_id}": run})).link(TOLD)
    assert run.used == ["team/p/pool-1:latest"]


def test_a_server_that_does_not_answer_is_told() -> None:
    from wandb.errors import CommError

    api = ScriptedApi({}, fails=CommError("no route\nto host"))
    with pytest.raises(StageError, match=r"does not answer \(no route\)"):
        server_of(api).held(TOLD)


def test_without_a_login_there_is_no_server(tmp_path: Path) -> None:
    program = "from advdistill.wandb_server import logged_in\nwith logged_in(): pass"
    environment = {name: one for name, one in os.environ.items() if not name.startswith("WANDB")}
    environment |= {
        "NETRC": str(tmp_path / "netrc"),
        "WANDB_CONFIG_DIR": str(tmp_path),
        "WANDB_BASE_URL": "http://127.0.0.1:9",
        "WANDB_MODE": "offline",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert f"{ConfigError.__name__}: not logged in to W&B" in done.stderr
    assert "wandb login" in done.stderr
