from datetime import UTC, datetime
from pathlib import Path

import pytest

from advdistill.doctor import machine as checks
from advdistill.doctor.finding import Health, Look
from advdistill.doctor.subject import Machine
from tests.unit.doctor.subjects import GIB, gpu, machine, subject

MIB = 2**20


@pytest.mark.parametrize(
    ("check", "on", "health"),
    [
        (checks.disk, machine(), Health.good),
        (checks.disk, machine(free_bytes=lambda _: 35 * MIB), Health.doubtful),
        (checks.disk, machine(free_bytes=lambda _: MIB), Health.bad),
        (checks.memory, machine(), Health.good),
        (checks.memory, machine(memory_bytes=100 * MIB), Health.doubtful),
        (checks.memory, machine(memory_bytes=50 * MIB), Health.bad),
        (checks.memory, machine(gpus=[gpu(memory=50 * MIB)]), Health.bad),
        (checks.gpu, machine(), Health.good),
        (checks.gpu, machine(gpus=[gpu()]), Health.bad),
        (checks.gpu, machine(gpus=[gpu()], cuda=lambda: "12.8"), Health.good),
        (checks.visible_gpus, machine(), Health.skipped),
        (
            checks.visible_gpus,
            machine(gpus=[gpu()], environ={"CUDA_VISIBLE_DEVICES": ""}),
            Health.bad,
        ),
        (
            checks.visible_gpus,
            machine(gpus=[gpu(), gpu()], environ={"CUDA_VISIBLE_DEVICES": "1"}),
            Health.good,
        ),
        (checks.busy_gpus, machine(), Health.skipped),
        (checks.busy_gpus, machine(gpus=[gpu()]), Health.good),
        (checks.busy_gpus, machine(gpus=[gpu(used=40 * GIB)]), Health.doubtful),
        (checks.threads, machine(), Health.good),
        (checks.threads, machine(load=2.0), Health.doubtful),
        (checks.threads, machine(environ={"OMP_NUM_THREADS": "64"}), Health.bad),
        (checks.threads, machine(environ={"OMP_NUM_THREADS": "many"}), Health.bad),
        (checks.compiler, machine(), Health.skipped),
        (checks.clock, machine(), Health.good),
        (checks.clock, machine(clock=lambda: 0.0), Health.bad),
        (
            checks.clock,
            machine(clock=lambda: datetime(2126, 1, 1, tzinfo=UTC).timestamp()),
            Health.doubtful,
        ),
    ],
)
def test_the_machine(tmp_path: Path, check: Look, on: Machine, health: Health) -> None:
    found = check(subject(tmp_path, on=on))
    assert found.health is health, found
    assert (found.remedy is None) == (health in (Health.good, Health.skipped))


def test_what_is_to_be_compiled_needs_a_compiler_and_the_headers_of_python(tmp_path: Path) -> None:
    asked: list[str] = []

    def found(name: str) -> str:
        asked.append(name)
        return f"/usr/bin/{name}"

    def health(**changed: object) -> Health:
        there = {"which": found, "headers": tmp_path, **changed}
        return checks.compiler(subject(tmp_path, "runtime=gpu", on=machine(**there))).health

    assert health() is Health.bad  # without Python.h
    (tmp_path / "Python.h").touch()
    assert health() is Health.good
    assert health(environ={"CXX": "clang++"}) is Health.good
    assert asked == ["g++", "g++", "clang++"]
    assert health(which=lambda _: None) is Health.bad


def test_more_processes_than_visible_gpus(tmp_path: Path) -> None:
    on = machine(gpus=[gpu(), gpu()], environ={"CUDA_VISIBLE_DEVICES": "0"})
    assert checks.visible_gpus(subject(tmp_path, "runtime.processes=2", on=on)).health is Health.bad


def test_a_student_whose_size_is_not_known(tmp_path: Path) -> None:
    hub = ("student.model=no-such-owner/no-such-model", "student.revision=main")
    assert checks.gpu(subject(tmp_path, *hub)).health is Health.skipped


def test_a_large_student_without_a_gpu(tmp_path: Path) -> None:
    assert checks.gpu(subject(tmp_path), 1000).health is Health.doubtful


def test_several_processes_without_a_gpu(tmp_path: Path) -> None:
    on = machine(cuda=lambda: "12.8")
    assert checks.gpu(subject(tmp_path, "runtime.processes=2", on=on)).health is Health.bad
