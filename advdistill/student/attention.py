"""Attention over packed trees: a response sees its prompt and itself, nothing else of the row.

Axes: `H` heads, `S` tokens, `D` width of a head; the batch is 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import torch
from torch.nn.attention.bias import causal_lower_right
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from advdistill.errors import StageError
from advdistill.interfaces import Packing
from advdistill.student.attention_flex import flex
from advdistill.student.attention_merged import merged
from advdistill.student.attention_varlen import computes, varlen
from advdistill.student.packing import Tree

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NAME = "advdistill_trees"


@dataclass(eq=False)  # into a frozen one it would look
class Packed:
    """What stands in a packed row, as an object into which a compiler of layers does not look.

    It would compile them anew for each row, if it saw the lengths of prompts and responses.
    """

    trees: tuple[Tree, ...]


Kernel = Callable[
    [torch.Tensor, torch.Tensor, torch.Tensor, tuple[Tree, ...], float | None], torch.Tensor
]
"""Returns the output (1, S, H, D) for queries (1, H, S, D), keys, values, trees and scale."""


class UnpackableError(StageError):
    """A layer of the model attends in a way that trees are not made for."""


@contextmanager
def tree_attention(model: PreTrainedModel, packing: Packing = Packing.auto) -> Iterator[None]:
    """Let the model attend over trees inside, unless padded; backward passes belong inside too."""
    if packing is Packing.padded:
        yield
        return
    before = model.config._attn_implementation or "sdpa"
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    packed: Packed | None = None,
    **options: Any,  # what transformers passes to every attention function
) -> tuple[torch.Tensor, None]:
    """Return the attention's output (1, S, H, D); of a row that is not packed, the plain one.

    Raises:
        UnpackableError: the layer does more to its scores than to scale them.
    """
    unknown = _UNKNOWN_TO_SDPA if packed is None else (*_UNKNOWN_TO_SDPA, *_UNKNOWN_TO_TREES)
    altering = [name for name in unknown if options.get(name) is not None]
    if altering:
        raise UnpackableError(
            f"{type(module).__name__} attends with {', '.join(altering)}; wanted full attention"
        )
    if packed is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    device = query.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    dropout, scale = options.get("dropout", 0.0), options.get("scaling")
    return _over_trees(query, key, value, packed, dropout, scale), None


def _attended(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    packed: Packed,
    dropout: float,
    scale: float | None,
) -> torch.Tensor:
    return _kernel(query, value, dropout)(query, key, value, packed.trees, scale)


# The kernels compile themselves or need not be, so that a compiler of layers passes them by.
_over_trees = cast("Callable[..., torch.Tensor]", torch.compiler.disable(_attended))


# Options of transformers by which a layer is more than a softmax of scaled scores. A window is part
# of the mask where there is one.
_UNKNOWN_TO_SDPA = ("softcap", "s_aux")
_UNKNOWN_TO_TREES = ("sliding_window", "position_bias")


def _kernel(query: torch.Tensor, value: torch.Tensor, dropout: float) -> Kernel:
    """Return the device's own kernel, or the one that runs everywhere where it does not apply."""
    if dropout == 0 and query.shape[-1] == value.shape[-1]:
        if computes(query):
            return varlen
        if query.device.type == "cpu":
            return merged
        if query.device.type == "cuda" and query.dtype is not torch.float64:
            return flex
    return partial(separate, dropout=dropout)


def separate(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    trees: Sequence[Tree],
    scale: float | None,
    *,
    dropout: float = 0.0,
) -> torch.Tensor:
    """Return what each prompt sees of itself and each response of prompt and itself, one by one."""
    repeats = query.shape[1] // key.shape[1]
    key, value = repeat_kv(key, repeats), repeat_kv(value, repeats)
    parts = []
    for asking, seen in (call for tree in trees for call in _calls(tree)):
        mask = causal_lower_right(asking.stop - asking.start, sum(s.stop - s.start for s in seen))
        parts.append(
            scaled_dot_product_attention(
                query[:, :, asking],
                torch.cat([key[:, :, part] for part in seen], 2),
                torch.cat([value[:, :, part] for part in seen], 2),
                attn_mask=mask,
                dropout_p=dropout,
                scale=scale,
            )
        )
    return torch.cat(parts, 2).transpose(1, 2)


def _calls(tree: Tree) -> Iterator[tuple[slice, list[slice]]]:
    """Yield who looks, in the order of the row, and where."""
    prompt = slice(tree.start, tree.start + tree.prompt_tokens)
    yield prompt, [prompt]
    for own in tree.responses:
        yield own, [prompt, own]


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
