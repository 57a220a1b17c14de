"""Seeds of single samples, and random numbers that depend on nothing but them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from advdistill.interfaces import Ask

if TYPE_CHECKING:
    import torch


def sample_seed(seed: int, prompt_id: str, sample: int) -> int:
    """Return the seed of one sample, between 0 and 2**62."""
    digest = sha256(f"{seed}\x1f{prompt_id}\x1f{sample}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 2


def sample_seeds(seed: int, asks: Sequence[Ask]) -> list[list[int]]:
    """Return the seed of every answer that is asked for."""
    return [
        [sample_seed(seed, ask.prompt.prompt_id, sample) for sample in ask.samples] for ask in asks
    ]


def gumbel_noise(seeds_B: torch.Tensor, step: int, width: int) -> torch.Tensor:
    """Return standard Gumbel noise (B, width) in float64, a function of (seed, step, column) alone.

    A counter-based generator: neither the batch nor the device changes what a row gets.
    """
    import torch

    columns = torch.arange(width, device=seeds_B.device, dtype=torch.int64)
    bits = _mix(_mix(_mix(seeds_B) + step)[:, None] + columns)
    uniform = ((bits >> 11) & ((1 << 53) - 1)).double().add(0.5).div(float(1 << 53))
    return -torch.log(-torch.log(uniform))


def _mix(x: torch.Tensor) -> torch.Tensor:
    # splitmix64's finaliser, in wrapping int64; the masks undo the arithmetic shift.
    x = (x ^ ((x >> 30) & ((1 << 34) - 1))) * -0x40A7B892E31B1A47
    x = (x ^ ((x >> 27) & ((1 << 37) - 1))) * -0x6B2FB644ECCEEE15
    return x ^ ((x >> 31) & ((1 << 33) - 1))
