"""A model of the student's architecture that is small and whole, to prove the path on."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import psutil
import torch
from transformers import AutoModelForCausalLM

from advdistill.student.finetune import Finetune

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SHARE = 0.8
"""Of the free memory, that a proof on the student itself may take."""


def fits(model: PreTrainedModel, tokens: int) -> bool:
    """Return whether there is memory for two gradients and the logits of some tokens."""
    trained = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
    # as they are, as log-probs, and a gradient of either
    logits = 4 * tokens * model.config.get_text_config().vocab_size * 4
    return 2 * trained + logits <= SHARE * _free_bytes(model.device)


def computes_exactly(model: PreTrainedModel) -> bool:
    """Return whether every parameter is a plain tensor in float32 at least."""
    return all(
        parameter.dtype in (torch.float32, torch.float64) for parameter in model.parameters()
    )


def reduced(model: PreTrainedModel, student: Finetune) -> tuple[PreTrainedModel, str]:
    """Return a random model of the same configuration but few layers, and what to call it.

    It has the student's adapter, of which no matrix is 0, and draws no random numbers of others.
    """
    config: Any = deepcopy(model.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    text = config.get_text_config()
    layers, depth = text.num_hidden_layers, _depth(text)
    text.num_hidden_layers = depth
    if _types(text):
        text.layer_types = text.layer_types[:depth]
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(student.seed)
        small: Any = AutoModelForCausalLM.from_config(
            config, dtype=torch.float32, trust_remote_code=False
        )
        if student.adapter is not None:
            from advdistill.student.adapters import insert  # see `load_base`

            insert(small, student.adapter, seed=student.seed)
            _fill(small)
    if student.gradient_checkpointing:
        small.gradient_checkpointing_enable({"use_reentrant": False})
    name = f"a reduced model of the same architecture ({depth} of {layers} layers)"
    return small.to(model.device).eval(), name


def _depth(text: Any) -> int:
    """Return how many layers hold one of each type, and at least two."""
    types = _types(text)
    needed = max((types.index(kind) + 1 for kind in set(types)), default=1)
    return min(max(needed, 2), text.num_hidden_layers)


def _types(text: Any) -> list[str]:
    return getattr(text, "layer_types", None) or []  # absent where all layers are alike


def _fill(model: PreTrainedModel) -> None:
    """Give the matrices that an adapter starts with at 0 a value, lest no gradient pass them."""
    for parameter in model.parameters():
        if parameter.requires_grad and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)


def _free_bytes(device: torch.device) -> int:
    if device.type != "cuda":
        return psutil.virtual_memory().available
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + unused
