from pathlib import Path

import pytest

from advdistill.doctor import tracking
from advdistill.doctor.finding import Health
from tests.unit.doctor.subjects import machine, subject

KEY = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("override", "environ", "health"),
    [
        ("tracking=none", {}, Health.skipped),
        ("tracking=wandb", {}, Health.good),
        ("tracking=wandb", {"WANDB_MODE": "offline"}, Health.good),
        ("tracking=wandb", {"WANDB_MODE": "onlin"}, Health.bad),
        ("tracking=wandb", {"WANDB_MODE": "online"}, Health.bad),
        ("tracking.mode=online", {}, Health.bad),
        ("tracking.mode=online", {"WANDB_API_KEY": KEY}, Health.good),
    ],
)
def test_where_runs_go(
    tmp_path: Path, override: str, environ: dict[str, str], health: Health
) -> None:
    found = tracking.wandb_mode(subject(tmp_path, override, on=machine(environ=environ)))
    assert found.health is health
    assert KEY not in found.found


def test_a_login_in_the_netrc_counts_and_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text(f"machine api.wandb.ai login user password {KEY}\n")
    known = subject(tmp_path / "outputs", "tracking.mode=online", on=machine(home=tmp_path))
    found = tracking.wandb_mode(known)
    assert found.health is Health.good
    assert KEY not in found.found


def test_left_over_variables_of_a_sweep_agent(tmp_path: Path) -> None:
    assert tracking.wandb_sweep(subject(tmp_path)).health is Health.good
    agent = machine(environ={"WANDB_SWEEP_ID": "abc"})
    assert tracking.wandb_sweep(subject(tmp_path, on=agent)).health is Health.doubtful


def test_a_key_in_the_settings_is_named_and_not_shown(tmp_path: Path) -> None:
    assert tracking.secrets(subject(tmp_path)).health is Health.good
    found = tracking.secrets(subject(tmp_path, f"tracking.project=hf_{KEY}"))
    assert found.health is Health.bad
    assert "tracking.project" in found.found
    assert KEY not in found.found
