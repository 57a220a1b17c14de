"""One pass: decoder, head and loss together."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel, Qwen3Config, Qwen3ForCausalLM

from advdistill.errors import StageError
from advdistill.interfaces import Packing
from advdistill.student.attention import tree_attention
from advdistill.student.batches import Row, encode
from advdistill.student.forward import PassLoss, check_head
from advdistill.student.packing import micro_batches
from tests.tiny import END, byte_tokenizer, pool


def model(*, tied: bool = True) -> PreTrainedModel:
    config = Qwen3Config(
        vocab_size=len(byte_tokenizer()),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        tie_word_embeddings=tied,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Qwen3ForCausalLM(config).double()


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    found = encode(pool(2, 4), end=END, max_tokens=128)
    return [row for group in found.by_prompt.values() for row in group]


def two_steps(pass_loss: PassLoss, rows: list[Row]) -> dict[str, torch.Tensor | None]:
    """Return the gradients after two passes over the rows, each token weighing its number."""
    (batch,) = micro_batches(rows, packing=Packing.auto, row_tokens=10**6)
    with tree_attention(pass_loss.model):
        for _ in range(2):
            loss, _ = pass_loss(batch, lambda logprobs_N, part: -(logprobs_N * logprobs_N).sum())
            assert loss is not None
            loss.backward()
    return {name: parameter.grad for name, parameter in pass_loss.model.named_parameters()}


@pytest.mark.parametrize(
    "frozen", [(), ("lm_head",), ("embed_tokens",), ("lm_head", "embed_tokens")]
)
@pytest.mark.parametrize("tied", [True, False])
def test_alone_the_gradient_is_the_same_and_dense(
    rows: list[Row], tied: bool, frozen: tuple[str, ...]
) -> None:
    one = model(tied=tied)
    for name, parameter in one.named_parameters():
        parameter.requires_grad_(not any(part in name for part in frozen))
    found = two_steps(PassLoss(deepcopy(one), alone=True), rows)
    for name, wanted in two_steps(PassLoss(one), rows).items():
        gradient = found[name]
        if wanted is None:
            assert gradient is None
            continue
        assert gradient is not None
        assert gradient.layout is torch.strided
        assert float((gradient - wanted).norm() / wanted.norm()) < 1e-12


def test_alone_the_embedding_is_left_as_it_was(rows: list[Row]) -> None:
    one = model()
    two_steps(PassLoss(one, alone=True), rows)
    embedding = one.get_input_embeddings()
    assert isinstance(embedding, torch.nn.Embedding)
    assert embedding.sparse is False


@pytest.mark.parametrize("alone", [True, False])
def test_without_a_loss_there_are_the_same_log_probs_and_no_gradient(
    rows: list[Row], alone: bool
) -> None:
    pass_loss = PassLoss(model(), alone=alone)
    (batch,) = micro_batches(rows, packing=Packing.auto, row_tokens=10**6)
    with tree_attention(pass_loss.model):
        none, found_N = pass_loss(batch, None)
        _, wanted_N = pass_loss(batch, lambda logprobs_N, part: logprobs_N.sum())
        assert none is None
        assert torch.equal(found_N, wanted_N)
        pass_loss.model.zero_grad()
        pass_loss(batch, None)
    assert all(parameter.grad is None for parameter in pass_loss.model.parameters())


def test_a_model_that_changes_its_logits_after_the_head_is_refused(rows: list[Row]) -> None:
    check_head(model(), rows[0])

    class Scaled(Qwen3ForCausalLM):
        def forward(self, *args: object, **options: object) -> object:
            output: Any = super().forward(*args, **options)  # type: ignore[arg-type] - as given
            output.logits = output.logits * 3
            return output

    with pytest.raises(StageError, match="plain head"):
        check_head(Scaled(model().config).double(), rows[0])
