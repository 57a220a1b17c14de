import threading
from pathlib import Path

import pytest

from advdistill.errors import ConfigError
from advdistill.sweep import leases
from advdistill.sweep.leases import Lending, lending_here
from tests.unit.sweep.worlds import GPUS


def lending(folder: Path, cells_per_gpu: int = 1) -> Lending:
    return Lending(gpus=GPUS, folder=folder, cells_per_gpu=cells_per_gpu)


def test_two_cells_have_two_devices_and_a_third_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_STEP_SECONDS", 0.01)
    third: list[str] = []

    def take() -> None:
        with lending(tmp_path).lease(1) as gpus:
            third.extend(gpu.uuid for gpu in gpus)

    with lending(tmp_path).lease(1) as first:
        with lending(tmp_path).lease(1) as second:
            assert [*first, *second] == GPUS
            waiting = threading.Thread(target=take)
            waiting.start()
            waiting.join(0.2)
            assert third == []
        waiting.join(20)
    assert third == ["GPU-1"]


def test_one_that_wants_all_devices_holds_none_while_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_STEP_SECONDS", 0.05)
    got = threading.Event()

    def take_both() -> None:
        with lending(tmp_path).lease(2):
            got.set()

    with lending(tmp_path).lease(1):
        greedy = threading.Thread(target=take_both)
        greedy.start()
        with lending(tmp_path).lease(1) as other:
            assert other == GPUS[1:]
    greedy.join(20)
    assert got.is_set()


def test_cells_share_a_device_where_that_is_declared(tmp_path: Path) -> None:
    shared = lending(tmp_path, cells_per_gpu=2)
    with shared.lease(2) as first, shared.lease(2) as second:
        assert first == second == GPUS


def test_no_device_is_lent_to_a_cell_that_wants_none(tmp_path: Path) -> None:
    with lending(tmp_path).lease(0) as gpus:
        assert gpus == []


def test_more_than_there_are_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="wants 3 GPUs and 2 are visible"):
        lending(tmp_path).lease(3).__enter__()


def test_every_sweep_of_a_person_uses_the_same_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    here = lending_here(cells_per_gpu=1, devices=lambda: GPUS)
    assert here.folder == tmp_path / "advdistill" / "gpus"
