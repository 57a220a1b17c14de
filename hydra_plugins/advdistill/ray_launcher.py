"""Cells on Ray: on a cluster that is there already, or on one that is started here for the sweep.

Hydra runs every plugin's module whenever it starts, before Python knows it by name: what takes long
is imported when it is used, and annotations are no strings where a dataclass reads them.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hydra.core.config_store import ConfigStore
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, open_dict

if TYPE_CHECKING:
    from hydra.types import HydraContext, TaskFunction


@dataclass
class RayLauncherConf:
    """The node `hydra.launcher`."""

    _target_: str = "hydra_plugins.advdistill.ray_launcher.RayLauncher"
    address: str | None = None
    """Of a running cluster, or auto; null starts one here that ends with the sweep."""
    num_cpus: float = 1
    """What a cell counts as; Ray runs as many at once as fit."""
    num_gpus: float = 0


ConfigStore.instance().store(
    group="hydra/launcher", name="advdistill_ray", node=RayLauncherConf, provider="advdistill"
)


class RayLauncher(Launcher):
    """Hands every cell to a Ray task."""

    def __init__(self, *, address: str | None, num_cpus: float, num_gpus: float) -> None:
        self.address = address
        self.num_cpus = num_cpus
        self.num_gpus = num_gpus

    def setup(
        self, *, hydra_context: "HydraContext", task_function: "TaskFunction", config: DictConfig
    ) -> None:
        """Keep what the cells are run with."""
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs and return what they gave back, in their order."""
        import ray  # only here: Hydra imports this module for every command

        from advdistill.engine.ray_cluster import signals_kept

        if not ray.is_initialized():
            # None where a cluster runs, whose dashboard it is to decide on
            dashboard = None if self.address else False
            with signals_kept():
                ray.init(
                    address=self.address or "local",
                    include_dashboard=dashboard,
                    logging_level=logging.ERROR,
                )
        remote = ray.remote(_run).options(
            max_retries=0, num_cpus=self.num_cpus, num_gpus=self.num_gpus
        )
        shared = ray.put((self.hydra_context, self.config, self.task_function))
        state = Singleton.get_state()
        jobs = enumerate(job_overrides, initial_job_idx)
        return ray.get([remote.remote(shared, state, number, list(job)) for number, job in jobs])


def _run(
    shared: "tuple[HydraContext, DictConfig, TaskFunction]",
    state: dict[type, Singleton],
    number: int,
    overrides: list[str],
) -> JobReturn:
    """Run one job in a process of Ray's."""
    hydra_context, config, task_function = shared
    setup_globals()
    Singleton.set_state(state)
    cfg = hydra_context.config_loader.load_sweep_config(config, overrides)
    with open_dict(cfg):
        cfg.hydra.job.id = str(number)
        cfg.hydra.job.num = number
    return run_job(
        hydra_context=hydra_context,
        task_function=task_function,
        config=cfg,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
