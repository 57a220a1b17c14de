"""The Ray cluster that holds the engines: one of its own on this machine, or one that runs.

The module can be imported without Ray; the package is wanted when a cluster is joined.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

from advdistill.errors import ConfigError, StageError

_STORE_BYTES = 256 << 20
"""Room for shards on their way; Ray's own default is a third of the memory."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where the engines run."""

    address: str | None
    """None starts Ray on this machine; `auto` or host:port joins what runs."""
    workers: int | None
    """None takes as many as fit into the cluster at each moment."""
    gpus_per_worker: float
    cpus_per_worker: float

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, value, fine, wanted in (
            ("workers", self.workers, self.workers is None or self.workers >= 1, "null, or 1 up"),
            ("gpus_per_worker", self.gpus_per_worker, self.gpus_per_worker >= 0, "0 or more"),
            ("cpus_per_worker", self.cpus_per_worker, self.cpus_per_worker > 0, "more than 0"),
        ):
            if not fine:
                raise ConfigError(f"{name} is {value}; wanted {wanted}")

    def wanted(self) -> int:
        """Return how many workers there should be, as the cluster is now."""
        return self.room() if self.workers is None else self.workers

    def room(self) -> int:
        """Return how many workers fit into the cluster, each on one machine."""
        import ray

        needs = {"CPU": self.cpus_per_worker, "GPU": self.gpus_per_worker}
        return sum(
            min(int(node["Resources"].get(name, 0) / need) for name, need in needs.items() if need)
            for node in ray.nodes()
            if node["Alive"]
        )

    def lacking(self) -> StageError:
        """Return what to say where no worker starts."""
        import ray

        found = ray.cluster_resources()
        return StageError(
            f"teacher 'ray': no worker runs; each wants {self.gpus_per_worker:g} GPU and "
            f"{self.cpus_per_worker:g} CPU on one machine, and the cluster of address "
            f"{self.address} has {found.get('GPU', 0):g} GPU and {found.get('CPU', 0):g} CPU in "
            "all; set gpus_per_worker=0 for engines without a GPU, lower cpus_per_worker, or add "
            "machines with: ray start --address=HOST:PORT"
        )


def require_ray() -> None:
    """Raise a ConfigError where Ray is not installed."""
    if find_spec("ray") is None:
        raise ConfigError("the package ray is not installed; pip install 'advdistill[ray]'")


@contextmanager
def joined(placement: Placement) -> Iterator[None]:
    """Be connected to the cluster; one that was started here ends here.

    Where this process is connected already, that connection serves and stays.

    Raises:
        StageError: no cluster answers at the address, or none can be started.
    """
    # Read when Ray is imported and by the processes it starts; what the user has set stays.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # What an engine has started ends with its worker, also where that one is killed.
    os.environ.setdefault("RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper", "true")
    import ray

    if ray.is_initialized():
        yield
        return
    try:
        with signals_kept():
            _connect(placement.address)
        yield
    finally:
        ray.shutdown()


@contextmanager
def signals_kept() -> Iterator[None]:
    """Keep what the caller does at SIGTERM and SIGCHLD.

    At SIGTERM Ray would end the process with an exit code of its own; where the caller does
    nothing, Ray's way stays, so that the cluster ends in good order. Children that Ray reaps
    unseen have no exit code for whoever started them.
    """
    stop, child = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGCHLD, child or signal.SIG_DFL)
            if callable(stop):
                signal.signal(signal.SIGTERM, stop)


def _connect(address: str | None) -> None:
    import ray

    try:
        if address is None:
            ray.init(
                address="local",
                include_dashboard=False,
                object_store_memory=_STORE_BYTES,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        else:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise StageError(
            f"teacher 'ray': Ray did not answer or start ({summary(error)}) with address "
            f"{address}; wanted null to start it here, or auto or HOST:PORT of a running cluster "
            "that this machine is part of (ray start --head, on others --address=HOST:PORT), of "
            "the same versions of Ray and Python"
        ) from error


def summary(error: Exception) -> str:
    """Return the kind and the beginning of an error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
