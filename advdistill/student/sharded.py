"""Tensors in safetensors files: whole in one, or in as many as there are processes with parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch.distributed.tensor import DTensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which part of the tensors a file holds."""

    rank: int
    size: int

    def name(self, stem: str) -> str:
        """Return the file's name, such as `model.rank0of2.safetensors`."""
        return f"{stem}.rank{self.rank}of{self.size}.safetensors"


def write_part(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write what this process holds of the tensors."""
    save_file({name: _own(tensor).contiguous() for name, tensor in tensors.items()}, path)


def read_whole(folder: Path, stem: str) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors one by one, each put together from all files of that stem."""
    with ExitStack() as stack:
        files = [
            stack.enter_context(safe_open(path, framework="pt")) for path in _files(folder, stem)
        ]
        for name in files[0].keys():  # noqa: SIM118 - a file is no mapping
            parts = [file.get_tensor(name) for file in files]
            # A count of steps has no axis to be cut along: all processes hold it.
            yield name, parts[0] if parts[0].ndim == 0 else torch.cat(parts)


@torch.no_grad()
def fill(target: torch.Tensor, source: torch.Tensor) -> None:
    """Copy a whole tensor, or the part of it that this process holds, into its place."""
    if not isinstance(target, DTensor):
        target.copy_(source)
        return
    # Along the first axis, as FSDP2 cuts: the last processes may hold less, or nothing.
    parts = source.chunk(target.device_mesh.size())
    rank = target.device_mesh.get_local_rank()
    target.to_local().copy_(parts[rank] if rank < len(parts) else source[:0])


def _own(tensor: torch.Tensor) -> torch.Tensor:
    return (tensor.to_local() if isinstance(tensor, DTensor) else tensor).detach()


def _files(folder: Path, stem: str) -> list[Path]:
    """Return the files in the order of their ranks."""
    whole = folder / f"{stem}.safetensors"
    if whole.exists():
        return [whole]
    (first,) = folder.glob(f"{stem}.rank0of*.safetensors")
    size = int(first.name.removeprefix(f"{stem}.rank0of").removesuffix(".safetensors"))
    return [folder / Part(rank=rank, size=size).name(stem) for rank in range(size)]
