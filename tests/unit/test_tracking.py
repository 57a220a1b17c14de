import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from advdistill.errors import ConfigError
from advdistill.tracking import (
    Artifact,
    Cell,
    NoTracking,
    Tracker,
    Tracking,
    TrackingMode,
    WandbTracking,
    flatten,
)
from tests.wandb_reader import offline_folders

UNREACHABLE = "http://127.0.0.1:9"


def tracking(mode: TrackingMode = TrackingMode.auto) -> WandbTracking:
    return WandbTracking(project="test", entity=None, mode=mode, samples=2)


def cell_in(folder: Path) -> Cell:
    return Cell(key="ab" * 32, name="n", group="g", levels={}, config={"seed": 0}, folder=folder)


def artifact(name: str, *inputs: str) -> Artifact:
    return Artifact(
        name=name, type="dataset", digest=f"digest-{name}", files=(), inputs=inputs, metadata={}
    )


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """An environment in which no one is logged in and W&B cannot be reached."""
    import wandb

    wandb.teardown()
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("WANDB_BASE_URL", UNREACHABLE)
    yield monkeypatch
    # W&B reads the environment once per session; the next test has another.
    wandb.teardown()


def used_fully(tracker: Tracker) -> str | None:
    tracker.log("train", {"loss": 1.0}, 0)
    tracker.table("samples", ("a",), [(1,)])
    tracker.artifact(artifact("pool"))
    tracker.summary({"accuracy": 0.5})
    return tracker.finish(complete=True)


def test_no_tracking_writes_nothing(tmp_path: Path) -> None:
    assert used_fully(NoTracking().open(cell_in(tmp_path))) is None
    assert list(tmp_path.iterdir()) == []


def test_wandb_is_imported_only_when_a_run_opens() -> None:
    program = "import sys, advdistill.tracking; sys.exit('wandb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("component", [NoTracking(), tracking()])
def test_both_are_trackings(component: object) -> None:
    assert isinstance(component, Tracking)


@pytest.mark.parametrize("name", ["wandb", "none"])
def test_the_configuration_fits_the_fields(name: str) -> None:
    path = Path(__file__).parents[2] / "conf" / "tracking" / f"{name}.yaml"
    node: Any = OmegaConf.load(path)
    cls: type[Any] = {"wandb": WandbTracking, "none": NoTracking}[name]
    assert node.pop("_target_") == f"{cls.__module__}.{cls.__name__}"
    settings: Any = OmegaConf.merge(OmegaConf.structured(cls), node)
    cls(**settings)


@pytest.mark.parametrize(("project", "samples"), [("a/b", 1), ("", 1), ("a", -1)])
def test_bad_settings_are_refused(project: str, samples: int) -> None:
    with pytest.raises(ConfigError, match=r"tracking\."):
        WandbTracking(project=project, entity=None, mode=TrackingMode.auto, samples=samples)


def test_auto_without_a_login_is_offline(nobody: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written = used_fully(tracking().open(cell_in(tmp_path)))
    assert [str(folder) for folder in offline_folders(tmp_path)] == [written]


def test_online_without_a_login_is_offline_with_a_warning(
    nobody: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        written = used_fully(tracking(TrackingMode.online).open(cell_in(tmp_path)))
    assert [record.name for record in caplog.records] == ["advdistill.wandb_runs"]
    assert "wandb login" in caplog.text
    assert [str(folder) for folder in offline_folders(tmp_path)] == [written]


def test_a_malformed_key_means_offline_with_a_warning(
    nobody: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nobody.setenv("WANDB_API_KEY", "short")
    with caplog.at_level(logging.WARNING):
        assert used_fully(tracking().open(cell_in(tmp_path))) is not None
    assert len(caplog.records) == 1
    assert len(offline_folders(tmp_path)) == 1


def test_an_unreachable_server_means_offline_with_a_warning(
    nobody: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nobody.setenv("WANDB_API_KEY", "b" * 40)
    nobody.setenv("WANDB_INIT_TIMEOUT", "1")
    program = (
        "import sys, pathlib, logging; logging.basicConfig()\n"
        "from tests.unit.test_tracking import *\n"
        "print(used_fully(tracking().open(cell_in(pathlib.Path(sys.argv[1])))))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=200)
    [folder] = offline_folders(tmp_path)
    assert done.stdout.strip() == str(folder), done.stderr
    assert done.stderr.count("WARNING") == 1
    assert "cannot go online" in done.stderr


def test_wandb_mode_decides_in_auto(nobody: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nobody.setenv("WANDB_API_KEY", "b" * 40)
    nobody.setenv("WANDB_MODE", "disabled")
    assert used_fully(tracking().open(cell_in(tmp_path))) is None
    nobody.setenv("WANDB_MODE", "offline")
    assert used_fully(tracking().open(cell_in(tmp_path))) is not None
    assert len(offline_folders(tmp_path)) == 1


def test_a_folder_that_cannot_be_made_costs_only_a_warning(
    nobody: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "taken").write_text("a file")
    with caplog.at_level(logging.WARNING):
        assert used_fully(tracking().open(cell_in(tmp_path / "taken"))) is None
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"a": {"b": {"c": 1}}, "d": None}, {"a.b.c": 1, "d": None}),
        ({"a": {}, "b": (1, 2)}, {"a": {}, "b": [1, 2]}),
        ({"mode": TrackingMode.auto, "path": Path("x")}, {"mode": "auto", "path": "x"}),
        (
            {"max_tokens": 8, "tokenizer": "t", "keys": 1},
            {"max_tokens": 8, "tokenizer": "t", "keys": 1},
        ),
        ({"token": "x", "hf_token": "x", "API-Key": "x", "api_keys": ["x"]}, {}),
        ({"s3": {"secret": "x", "password": "x", "region": "eu"}}, {"s3.region": "eu"}),
        ({"url": "https://me:pass@host/x", "home": "https://host/x"}, {"home": "https://host/x"}),
        (
            {"list": ["hf_" + "a" * 34, "plain", {"token": "x", "n": 1}]},
            {"list": ["plain", {"n": 1}]},
        ),
    ],
)
def test_config_is_flat_and_without_secrets(config: dict[str, Any], expected: Any) -> None:
    assert flatten(config) == expected


class ScriptedArtifact:
    def __init__(self, name: str) -> None:
        self.name = name

    def wait(self, timeout: int) -> "ScriptedArtifact":
        return self


class ScriptedRun:
    """An online run that keeps what it is told and can refuse."""

    offline = False

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses
        self.told: list[tuple[str, str]] = []

    def log_artifact(self, draft: Any) -> ScriptedArtifact:
        if self.refuses:
            raise OSError("no route to host")
        self.told.append(("log", draft.name))
        return ScriptedArtifact(draft.name)

    def use_artifact(self, used: ScriptedArtifact) -> None:
        self.told.append(("use", used.name))


def test_online_an_artifact_uses_its_inputs(tmp_path: Path) -> None:
    from advdistill.wandb_runs import WandbTracker

    run: Any = ScriptedRun()
    tracker = WandbTracker(run, tmp_path)
    tracker.artifact(artifact("pool"))
    tracker.artifact(artifact("weights", "pool", "elsewhere"))
    assert run.told == [("log", "pool"), ("use", "pool"), ("log", "weights")]


def test_repeated_failures_are_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from advdistill.wandb_runs import WandbTracker

    run: Any = ScriptedRun(refuses=True)
    tracker = WandbTracker(run, tmp_path)
    with caplog.at_level(logging.WARNING):
        tracker.artifact(artifact("pool"))
        tracker.artifact(artifact("weights", "pool"))
    assert [record.getMessage() for record in caplog.records] == [
        "W&B: artifact 'pool' not recorded (no route to host)"
    ]
