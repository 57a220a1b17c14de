"""Whether the processes of a training can be started, found out before anything is spent."""

from __future__ import annotations

import os
from importlib.util import find_spec

from advdistill.errors import ConfigError
from advdistill.interfaces import Sharding


def check_processes(processes: int, sharding: Sharding) -> None:
    """Check that so many training processes can be started here.

    Raises:
        ConfigError: they cannot, or this process is itself one of several.
    """
    launched = os.environ.get("WORLD_SIZE", "1")
    if launched not in ("", "1"):
        raise ConfigError(
            f"launched as one of {launched} processes (WORLD_SIZE={launched}, as `accelerate "
            "launch` and `torchrun` set it); wanted one process, which starts those of the "
            "training itself; run it plainly and give runtime.processes=NUMBER"
        )
    if processes == 1:
        if sharding is not Sharding.none:
            raise ConfigError(
                f"runtime: sharding is {sharding.value} with processes 1, which has nothing to "
                "share; wanted several; give runtime.processes=NUMBER or runtime.sharding=none"
            )
        return
    if sharding is Sharding.deepspeed and find_spec("deepspeed") is None:
        raise ConfigError(
            "runtime: sharding is deepspeed, but DeepSpeed is not installed; wanted it beside "
            "torch; pip install deepspeed, or give runtime=fsdp"
        )
    _check_devices(processes)


def _check_devices(processes: int) -> None:
    import torch

    devices = torch.cuda.device_count()
    if torch.cuda.is_available() and processes > devices:
        raise ConfigError(
            f"runtime: processes is {processes} on a machine with {devices} GPUs; wanted at most "
            f"one process a GPU; give runtime.processes={devices}"
        )
