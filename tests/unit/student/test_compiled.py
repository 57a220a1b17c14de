"""Compiled layers and head against the plain ones."""

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedModel

from advdistill.errors import StageError
from advdistill.interfaces import Packing
from advdistill.student.attention import tree_attention
from advdistill.student.compiled import compiled_layers
from advdistill.student.forward import PassLoss
from advdistill.student.packing import micro_batches
from tests.unit.student.packs import Group, rows_of

PASSES: list[list[Group]] = [
    [(5, [3, 1, 9]), (7, [4])],
    [(6, [8, 20]), (3, [5, 5])],
    [(40, [2, 7, 1, 3])],
]
"""Of different lengths and numbers of prompts and responses."""


@pytest.fixture(scope="module")
def model(tiny: str) -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(tiny).train()


def gradients(model: PreTrainedModel, groups: list[Group], *, compiled: bool) -> list[torch.Tensor]:
    """Return the loss and the gradient of one pass."""
    model.zero_grad()
    (batch,) = micro_batches(rows_of(groups), packing=Packing.shared, row_tokens=1000)
    loss, _ = PassLoss(model, alone=True, compiled=compiled)(batch, lambda part, _: -part.sum())
    assert loss is not None
    loss.backward()
    return [
        loss.detach(),
        *(one.grad.clone() for one in model.parameters() if one.grad is not None),
    ]


def test_the_gradient_is_the_same_and_rows_of_other_lengths_need_no_new_kernels(
    model: PreTrainedModel,
) -> None:
    with tree_attention(model):
        wanted = [gradients(model, groups, compiled=False) for groups in PASSES]
        with compiled_layers(model):
            found = [gradients(model, groups, compiled=True) for groups in PASSES[:2]]
            with torch.compiler.set_stance("fail_on_recompile"):
                found.append(gradients(model, PASSES[2], compiled=True))
    assert not any("forward" in vars(layer) for layer in model.get_decoder().layers)
    for own, plain in zip(found, wanted, strict=True):
        assert len(own) == len(plain)
        for one, other in zip(own, plain, strict=True):
            assert float((one - other).norm()) <= 1e-5 * float(other.norm())


def test_a_model_without_layers_is_refused(
    model: PreTrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "get_decoder", lambda: nn.Linear(1, 1))
    with (
        pytest.raises(StageError, match=r"no list 'layers'.*give runtime\.compile=false"),
        compiled_layers(model),
    ):
        pass


@pytest.mark.parametrize("head_alone", [False, True])  # as with an adapter, or for references
def test_without_a_compiler_it_says_what_to_do(
    model: PreTrainedModel, tmp_path: Path, head_alone: bool
) -> None:
    torch.compiler.reset()
    with (
        torch._inductor.config.patch({"cpp.cxx": (str(tmp_path / "missing"),)}),
        pytest.raises(StageError, match=r"could not be compiled.*give runtime\.compile=false"),
        torch._inductor.utils.fresh_cache(),
        tree_attention(model),
        nullcontext() if head_alone else compiled_layers(model),
    ):
        gradients(model, PASSES[0], compiled=head_alone)
    torch.compiler.reset()
