"""How large a model is, from its configuration alone: no weight is read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

from advdistill.models import locate


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a model's memory depends on."""

    parameters: int
    layers: int
    hidden: int
    key_values: int
    """Width of the keys, and of the values, of one layer."""
    feed_forward: int
    linear: tuple[tuple[str, int, int], ...]
    """Name, outputs and inputs of every linear layer but the head."""

    def adapter_parameters(self, rank: int, targets: frozenset[str]) -> int:
        """Return how many an adapter of this rank has; no targets means every linear layer."""
        return sum(
            rank * (outputs + inputs)
            for name, outputs, inputs in self.linear
            if not targets or name in targets
        )


@cache
def shape_of(model: str, revision: str | None) -> Shape | None:
    """Return the model's size; None where its configuration is not to be had."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config: Any = AutoConfig.from_pretrained(locate(model), revision=revision)
    except OSError:  # on the hub, which is not reached
        return None
    with torch.device("meta"):
        built = AutoModelForCausalLM.from_config(config)
    head = built.get_output_embeddings()
    text = config.get_text_config()
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return Shape(
        parameters=sum(prod(parameter.shape) for parameter in built.parameters()),
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        key_values=heads * width,
        feed_forward=getattr(text, "intermediate_size", None) or 4 * text.hidden_size,
        linear=tuple(
            (name.rpartition(".")[2], module.out_features, module.in_features)
            for name, module in built.named_modules()
            if isinstance(module, torch.nn.Linear) and module is not head
        ),
    )
