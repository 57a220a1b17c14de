"""Gradients and moments in parts by DeepSpeed's ZeRO-2; every process has all parameters."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from advdistill.student.finetune import Dtype, Finetune

if TYPE_CHECKING:
    from advdistill.student.loading import Base

Found = TypeVar("Found")


class Zero(torch.nn.Module):
    """A `Root` inside of DeepSpeed's engine, which clips and updates by itself."""

    def __init__(self, engine: Any) -> None:
        super().__init__()
        self.engine = engine

    def forward(self, work: Callable[[], Found]) -> Found:
        """Return what the work gives back."""
        return self.engine(work)

    def expect(self, *, last: bool) -> None:
        """Tell whether the pass that follows is the last one before the update."""
        self.engine.set_gradient_accumulation_boundary(last)

    def backward(self, loss: torch.Tensor) -> None:
        """Add the gradient of a pass."""
        self.engine.backward(loss)

    def update(self) -> float:
        """Clip the gradient, follow it and clear it; return its norm before."""
        self.engine.step()
        return float(self.engine.get_global_grad_norm())


def partitioned(base: Base, optimizer: torch.optim.Optimizer) -> tuple[Base, torch.optim.Optimizer]:
    """Return the base with a `Zero`, and the optimizer that its learning rate is set in.

    The engine is opened without accelerate, which on a CPU takes each process for the only one.
    """
    import deepspeed  # pyright: ignore[reportMissingImports] no dependency, but an option

    logging.getLogger("DeepSpeed").setLevel(logging.ERROR)
    engine, partition, _, _ = deepspeed.initialize(
        model=base.module, optimizer=optimizer, config=_config(base.student)
    )
    return replace(base, module=Zero(engine)), partition


def _config(student: Finetune) -> dict[str, Any]:
    return {
        "train_micro_batch_size_per_gpu": 1,  # asked for and not read: passes are the loop's
        "zero_optimization": {"stage": 2},
        "zero_allow_untested_optimizer": True,
        "gradient_clipping": student.max_gradient_norm,
        # The engine lets no autocast but its own be in force.
        "torch_autocast": {"enabled": student.dtype is Dtype.bfloat16, "dtype": "bfloat16"},
    }
