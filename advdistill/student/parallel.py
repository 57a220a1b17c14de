"""Several processes as one training: what they tell each other and hold of the model."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import torch
from accelerate import Accelerator, DistributedType, InitProcessGroupKwargs
from torch import distributed
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from advdistill.errors import ConfigError, StageError
from advdistill.interfaces import Sharding

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_PATIENCE = timedelta(hours=6)
"""For what only one process does, such as a check on dev. A death is noticed by who started it."""

Found = TypeVar("Found")


@dataclass(frozen=True, kw_only=True)
class World:
    """The processes of one training, of which this is one."""

    rank: int
    size: int
    device: torch.device

    @property
    def main(self) -> bool:
        """Whether this is the process that writes what all share."""
        return self.rank == 0

    def summed(self, values: Sequence[float]) -> list[float]:
        """Return the sum of each value over the processes."""
        return self._agreed(values, lambda tensor: distributed.all_reduce(tensor))

    def most(self, value: int) -> int:
        """Return the largest value that a process has."""
        largest = distributed.ReduceOp.MAX
        (found,) = self._agreed([value], lambda tensor: distributed.all_reduce(tensor, largest))
        return int(found)

    def told(self, value: float) -> float:
        """Return the value of the main process."""
        (found,) = self._agreed([value], lambda tensor: distributed.broadcast(tensor, 0))
        return found

    def wait(self) -> None:
        """Return once every process is here."""
        self.summed([0.0])

    def _agreed(
        self, values: Sequence[float], exchange: Callable[[torch.Tensor], object]
    ) -> list[float]:
        if self.size == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        exchange(tensor)
        return tensor.tolist()


def open_accelerator() -> Accelerator:
    """Return the accelerator of this process, joined with those that were started with it.

    Raises:
        ConfigError: it was started in a way that wraps models behind the loop's back.
    """
    # Always "no": accelerate's state is one per process and refuses a second precision; autocast
    # is opened by `Base.autocast` instead.
    size = int(os.environ.get("WORLD_SIZE") or 1)
    accelerator = Accelerator(
        mixed_precision="no",
        cpu=size > 1 and not torch.cuda.is_available(),  # only so does it join others on a CPU
        kwargs_handlers=[InitProcessGroupKwargs(timeout=_PATIENCE)],
    )
    assert accelerator.num_processes == size, "each would train alone, in the others' folder"
    plain = (DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU)
    if accelerator.distributed_type not in plain:
        raise ConfigError(
            f"student: launched as {accelerator.distributed_type.value} with "
            f"{accelerator.num_processes} processes; wanted one plain process, which starts those "
            "of the training itself; run it without `accelerate launch` and give runtime.processes "
            "and runtime.sharding"
        )
    return accelerator


class Root(torch.nn.Module):
    """Calls what it is given; the module that is wrapped or sharded in place of the model.

    Whatever uses the model, a pass of the training or a check on dev, is a forward pass of this
    module, so that parameters which lie in parts on several processes are whole inside.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, work: Callable[[], Found]) -> Found:
        """Return what the work gives back."""
        return work()


def shared(model: PreTrainedModel, world: World, sharding: Sharding) -> torch.nn.Module:
    """Return a `Root` of the model through which the processes share it.

    Raises:
        ConfigError: the model cannot be shared in this way.
    """
    root = Root(model)
    if world.size == 1 or sharding is Sharding.deepspeed:  # whose engine opens with the optimizer
        return root
    if sharding is Sharding.fsdp:
        return _sharded(root, world)
    return DistributedDataParallel(
        root,
        device_ids=[world.device] if world.device.type == "cuda" else None,
        # Fixes the order of the buckets, which else follows the first backward pass, so that a
        # resumed training rounds its sums as an undisturbed one.
        find_unused_parameters=True,
    )


def is_sharded(model: torch.nn.Module) -> bool:
    """Return whether this process holds only a part of the parameters."""
    return any(isinstance(parameter, DTensor) for parameter in model.parameters())


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor that may lie in parts on several processes; all of them call it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _sharded(root: Root, world: World) -> torch.nn.Module:
    _check_shardable(root.model)
    mesh = init_device_mesh(world.device.type, (world.size,))
    names = set(root.model._no_split_modules or ())
    layers = [module for module in root.model.modules() if type(module).__name__ in names]
    if not layers:
        raise StageError(
            f"student '{type(root.model).__name__}': it does not say which of its modules are its "
            "layers, by which it would be sharded; wanted a model that does; give "
            "runtime.sharding=none"
        )
    shards = [fully_shard(layer, mesh=mesh) for layer in layers]
    # The outermost module is spared this if nothing is said, as its backward pass comes next; but
    # after a check on dev comes a checkpoint, which has to find the parts.
    fully_shard(root, mesh=mesh, reshard_after_forward=True)
    root(lambda: None)
    for shard in shards:
        # Its whole tensors are made once: here, lest a check on dev make them for inference only.
        shard.unshard()
        shard.reshard()
    return root


def _check_shardable(model: PreTrainedModel) -> None:
    for name, parameter in model.named_parameters():
        if not parameter.is_floating_point():
            raise ConfigError(
                f"student: {name} is quantised ({parameter.dtype}), which cannot be sharded; "
                "wanted floating-point parameters; give runtime.sharding=none, by which each "
                "process has a copy"
            )
