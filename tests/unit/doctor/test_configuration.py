from pathlib import Path

import pytest

from advdistill.doctor.configuration import configuration
from advdistill.doctor.data import data_sets
from advdistill.doctor.finding import Health, MissingError
from advdistill.doctor.subject import Subject
from advdistill.errors import ConfigError
from tests.unit.doctor.subjects import machine, plan, subject


def refused() -> list[tuple[tuple[str, ...], object]]:
    raise ConfigError("weighting.tau: unknown setting; did you mean 'temperature'?")


def test_a_sound_configuration(tmp_path: Path) -> None:
    assert configuration(subject(tmp_path)).health is Health.good


def test_a_wrong_setting_is_told_as_the_run_would(tmp_path: Path) -> None:
    broken = Subject(machine=machine(), plans=refused)  # type: ignore[arg-type]
    found = configuration(broken)
    assert found.health is Health.bad
    assert "did you mean 'temperature'" in found.found


def test_what_stands_on_it_is_not_looked_at(tmp_path: Path) -> None:
    broken = Subject(machine=machine(), plans=refused)  # type: ignore[arg-type]
    with pytest.raises(MissingError, match="the configuration is wrong"):
        data_sets(broken)


def test_a_package_that_is_not_there(tmp_path: Path) -> None:
    cells = [((), plan(tmp_path)), ((), plan(tmp_path, "evaluation=lm_eval_vllm"))]
    found = configuration(Subject(machine=machine(), plans=lambda: cells))
    assert found.health is Health.bad
    assert "vllm is not installed" in found.found
