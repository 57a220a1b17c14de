"""Every launcher takes cells to workers and brings back what became of them."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import HydraContext

from advdistill.sweep.attempts import attempts_of
from advdistill.sweep.following import CellProcess
from advdistill.sweep.ledger import CellFile, cell_folder
from advdistill.sweep.running import End, Worker
from tests.builders import CONF
from tests.unit.sweep.worlds import World, cell, settings

pytestmark = pytest.mark.timeout(300)
ROOT = Path(__file__).parents[2]
WAYS = {"a": "ends well", "b": "fails", "c": "ends well"}


@pytest.fixture
def context() -> Iterator[HydraContext]:
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        yield HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks())
    HydraConfig.instance().cfg = None
    if "ray" in sys.modules:
        sys.modules["ray"].shutdown()


def launched(
    context: HydraContext, world: World, cells: Sequence[CellFile], *overrides: str
) -> list[End]:
    cfg = compose("config", overrides=list(overrides), return_hydra_config=True)
    sweeper: Any = Plugins.instance().instantiate_sweeper(
        hydra_context=context, task_function=print, config=cfg
    )
    follow = CellProcess(
        module="tests.unit.sweep.fake_cell", cwd=ROOT, path=[str(ROOT)], limit_minutes=None
    )
    worker = Worker(sweep=world.folder, settings=world.settings, turn="1", follow=follow)
    return list(sweeper._launching(worker)(cells))


@pytest.mark.parametrize(
    "launcher",
    [
        ["launcher=basic"],
        pytest.param(["launcher=joblib"], marks=pytest.mark.slow),
        pytest.param(["launcher=submitit"], marks=pytest.mark.slow),
        pytest.param(["launcher=ray"], marks=pytest.mark.slow),
    ],
    ids=lambda launcher: launcher[0],
)
def test_a_launcher_brings_back_what_became_of_each_cell(
    tmp_path: Path, context: HydraContext, launcher: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # of the workers that are started
    cells = [replace(cell(name), overrides=["weighting=uniform"]) for name in WAYS]
    world = World(tmp_path / "a 'quoted' place", cells, settings(gpus=0))
    for one, way in zip(cells, WAYS.values(), strict=True):
        (cell_folder(world.folder, one.id) / "way").write_text(way)
    assert launched(context, world, cells, *launcher) == [End.done, End.failed, End.done]
    errors = [attempts_of(cell_folder(world.folder, one.id))[0].error for one in cells]
    assert errors == [None, "StageError: no luck", None]
