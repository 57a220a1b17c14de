"""Hydra's way into `advdistill.sweep`: it expands the grid and hands cells to the launcher.

Hydra runs every plugin's module whenever it starts, before Python knows it by name: what takes long
is imported when it is used, and annotations are no strings where a dataclass reads them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig, open_dict, read_write

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override
    from hydra.types import HydraContext, TaskFunction

    from advdistill.config import Plan
    from advdistill.sweep.driving import Launch
    from advdistill.sweep.grid import Axis
    from advdistill.sweep.ledger import CellFile
    from advdistill.sweep.running import End, Worker


@dataclass
class SweeperConf:
    """The node `hydra.sweeper`."""

    _target_: str = "hydra_plugins.advdistill.sweeper.AdvDistillSweeper"
    params: dict[str, str] | None = field(default_factory=dict)


ConfigStore.instance().store(
    group="hydra/sweeper", name="advdistill", node=SweeperConf, provider="advdistill"
)


class AdvDistillSweeper(Sweeper):
    """A grid and its null cells, of which only those run that are not finished."""

    def __init__(self, params: dict[str, str] | None = None) -> None:
        self.params = params or {}
        self.hydra_context: HydraContext | None = None
        self.config: DictConfig | None = None

    def setup(
        self, *, hydra_context: "HydraContext", task_function: "TaskFunction", config: DictConfig
    ) -> None:
        """Keep what the launcher is made with, once the sweep's folder is known."""
        self.hydra_context = hydra_context
        self.config = config
        del task_function  # a cell runs in a process of its own, which calls run_cell

    def sweep(self, arguments: list[str]) -> Path:
        """Run the sweep and return its folder; exits with 1 after a known failure."""
        from advdistill.cli.sweeping import Call, run_sweep
        from advdistill.config import sweep_settings_of
        from advdistill.sweep.writing import Command

        config = self._config
        overrides = config.hydra.overrides
        return run_sweep(
            Call(
                name=config.name,
                outputs=Path(config.outputs).absolute(),
                axes=self._axes(arguments),
                settings=sweep_settings_of(config),
                command=Command(
                    arguments=[*overrides.hydra, *overrides.task], config_folder=self._config_folder
                ),
                plan_for=cache(self._plan_for),
                launching=self._launching,
            )
        )

    @property
    def _config(self) -> DictConfig:
        assert self.config is not None, "Hydra has called setup"
        return self.config

    @property
    def _config_folder(self) -> str | None:
        """What `--config-dir` named."""
        sources = self._config.hydra.runtime.config_sources
        named = [source.path for source in sources if source.provider == "command-line"]
        return named[0] if named else None

    def _axes(self, arguments: Sequence[str]) -> "list[Axis]":
        """Return what the sweeper's own settings and the command list; the latter has the say."""
        from advdistill.sweep.grid import Axis

        assert self.hydra_context is not None, "Hydra has called setup"
        params = [f"{key}={values}" for key, values in self.params.items()]
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        axes = {
            override.get_key_element(): _values(override)
            for override in parser.parse_overrides([*params, *arguments])
        }
        return [Axis(key=key, values=values, swept=swept) for key, (values, swept) in axes.items()]

    def _plan_for(self, overrides: tuple[str, ...]) -> "Plan":
        from advdistill.config import plan_of

        assert self.hydra_context is not None, "Hydra has called setup"
        loader = self.hydra_context.config_loader
        cfg = loader.load_sweep_config(self._config, list(overrides))
        choices = {str(group): str(name) for group, name in cfg.hydra.runtime.choices.items()}
        with read_write(cfg), open_dict(cfg):
            del cfg["hydra"]
        return plan_of(cfg, choices)

    def _launching(self, worker: "Worker") -> "Launch":
        """Return what hands cells to the launcher that the configuration names."""
        from advdistill.cli.sweeping import Job

        assert self.hydra_context is not None, "Hydra has called setup"
        folder = str(worker.sweep)
        with read_write(self._config), open_dict(self._config):
            self._config.hydra.sweep.dir = folder
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self.hydra_context, task_function=Job(worker), config=self._config
        )
        numbers = count()

        def launch(cells: "Sequence[CellFile]") -> "list[End]":
            if not cells:
                return []
            jobs = [[*cell.overrides, *_places(folder, cell)] for cell in cells]
            first = next(numbers)
            for _ in jobs[1:]:
                next(numbers)
            return [job.return_value for job in launcher.launch(jobs, initial_job_idx=first)]

        return launch


def _values(override: "Override") -> tuple[tuple[str, ...], bool]:
    """Return the values of an override, and whether it lists them.

    Raises:
        HydraException: it spans an interval, which has no end of values.
    """
    if not override.is_sweep_override():
        return (str(override.get_value_element_as_str()),), False
    if not override.is_discrete_sweep():
        raise HydraException(
            f"'{override.input_line}' spans an interval; wanted values, as in A,B or range(3)"
        )
    return tuple(override.sweep_string_iterator()), True


def _places(folder: str, cell: "CellFile") -> list[str]:
    """Return the overrides that make the cell's folder the one of its job."""
    quoted = folder.replace("'", r"\'")
    return [f"hydra.sweep.dir='{quoted}'", f"hydra.sweep.subdir=cells/{cell.id}"]
