"""The layers of a student as compiled kernels, for the passes of a step and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import MethodType
from typing import TYPE_CHECKING, Any

import torch
from torch._dynamo.exc import TorchDynamoException

from advdistill.errors import StageError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


VARIANTS = 64
"""Of a layer's kernels at most, for each shape, precision and mode; more are not compiled."""


@contextmanager
def compiled_layers(model: PreTrainedModel) -> Iterator[None]:
    """Let the layers compute as compiled inside; backward passes belong inside too.

    What lies between products, such as norms, rotations and residuals, becomes a few kernels. All
    layers of a kind share them, and passes of any length do.

    Raises:
        StageError: the model has no list of layers.
    """
    layers = getattr(model.get_decoder(), "layers", None)
    if not isinstance(layers, torch.nn.ModuleList):
        raise StageError(
            f"student '{type(model).__name__}' has no list 'layers' in its decoder, which "
            "runtime.compile=true compiles; give runtime.compile=false"
        )
    for layer in layers:
        layer.forward = MethodType(compiled(type(layer).forward, dynamic=True), layer)
    try:
        with torch._dynamo.config.patch(recompile_limit=VARIANTS):
            yield
    finally:
        for layer in layers:
            del layer.forward


@cache
def compiled(function: Callable[..., Any], *, dynamic: bool | None) -> Callable[..., Any]:
    """Return a function as compiled kernels that compute the same bits each time.

    Args:
        function: is one of a module, since what was compiled is kept for good.
        dynamic: whether every size may change from call to call; None: those that are seen to.

    Raises:
        StageError: by what is given back, at its first call: it could not be compiled.
    """
    # else kernels are chosen by their times, and may add up in another order after a resume
    kernels = torch.compile(function, dynamic=dynamic, options={"deterministic": True})

    def called(*arguments: Any, **options: Any) -> Any:
        try:
            return kernels(*arguments, **options)
        except TorchDynamoException as error:
            raise StageError(
                f"'{function.__qualname__}' could not be compiled, as runtime.compile=true asks: "
                f"{_first_line(error)}; a C++ compiler must be there, and the student of a kind "
                "that torch.compile takes; give runtime.compile=false"
            ) from error

    return called


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
