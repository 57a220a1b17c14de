"""Every packing of every allowed kind of model against one padded answer a row."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Gemma2Config,
    GptOssConfig,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
    OPTConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
    Qwen3MoeConfig,
    SmolLM3Config,
)

from advdistill.errors import ConfigError
from advdistill.interfaces import Packing
from advdistill.student.architectures import resolved
from advdistill.student.attention import Packed, tree_attention
from advdistill.student.packing import micro_batches
from tests.unit.student.packs import VOCABULARY, Group, by_response, passes_over, rows_of

GROUPS: list[Group] = [(9, [5, 12, 1, 7]), (3, [8]), (17, [6, 6])]
PACKED = [Packing.auto, Packing.shared, Packing.plain]


@dataclass
class Shape:
    """What all kinds of models have in common."""

    layers: int = 2
    heads: int = 4
    key_heads: int = 2
    hidden: int = 32


def settings_of(shape: Shape) -> dict[str, int]:
    return {
        "vocab_size": VOCABULARY,
        "hidden_size": shape.hidden,
        "intermediate_size": 48,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.key_heads,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }


COMMON = settings_of(Shape())
ALLOWED: dict[str, Callable[[], PreTrainedConfig]] = {
    "qwen2": lambda: Qwen2Config(**COMMON),
    "qwen2, one key head": lambda: Qwen2Config(**settings_of(Shape(key_heads=1))),
    "qwen3, wide heads": lambda: Qwen3Config(**COMMON, head_dim=24),
    "llama, no shared heads": lambda: LlamaConfig(**settings_of(Shape(key_heads=4))),
    "llama, biases": lambda: LlamaConfig(**COMMON, attention_bias=True, mlp_bias=True),
    "smollm": lambda: LlamaConfig(
        **settings_of(Shape(hidden=36, heads=9, key_heads=3)), tie_word_embeddings=True
    ),
    "smollm3": lambda: SmolLM3Config(**settings_of(Shape(layers=4)), no_rope_layer_interval=2),
    "qwen3 moe": lambda: Qwen3MoeConfig(
        **COMMON, head_dim=8, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16
    ),
    "mistral": lambda: MistralConfig(**COMMON, sliding_window=None),
}
SINGLE = {"qwen3 moe"}
"""Kinds whose layers have no double precision."""
REFUSED: dict[str, tuple[Callable[[], PreTrainedConfig], str]] = {
    "qwen2, windows": (
        lambda: Qwen2Config(
            **COMMON, use_sliding_window=True, max_window_layers=1, sliding_window=8
        ),
        "Qwen2ForCausalLM cannot be packed: it has layers of the kind sliding_attention",
    ),
    "mistral, windows": (
        lambda: MistralConfig(**COMMON, sliding_window=64),
        "MistralForCausalLM cannot be packed: MistralAttention attends with sliding_window",
    ),
    "gemma2, caps": (
        lambda: Gemma2Config(**COMMON, head_dim=8, layer_types=["full_attention"] * 2),
        "Gemma2ForCausalLM cannot be packed: Gemma2Attention attends with softcap",
    ),
    "gpt-oss, sinks": (
        lambda: GptOssConfig(
            **COMMON, head_dim=8, num_local_experts=4, layer_types=["full_attention"] * 2
        ),
        "GptOssForCausalLM cannot be packed: GptOssAttention attends with s_aux",
    ),
    "bloom, biased by distance": (
        lambda: BloomConfig(vocab_size=VOCABULARY, hidden_size=32, n_layer=1, n_head=4),
        "BloomForCausalLM cannot be packed: its attention cannot be replaced",
    ),
    "mamba, no attention": (
        lambda: MambaConfig(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=1),
        "MambaForCausalLM cannot be packed: its attention cannot be replaced",
    ),
}


def model_of(config: PreTrainedConfig) -> PreTrainedModel:
    """Return a random model with biases and scales of its own, and sharper attention than most."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config)
        for parameter in model.parameters():
            parameter.data += 0.15 * torch.randn_like(parameter)
    return model


def gap(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


def require_equal(
    model: PreTrainedModel, packing: Packing, *, limit: float, row_tokens: int = 10**6
) -> None:
    """Require log-probs and gradients equal to those of padded rows, in all and by tensor."""
    rows = rows_of(GROUPS)
    wanted = by_response(passes_over(model, rows, Packing.padded))
    slopes = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    found = by_response(passes_over(model, rows, packing, row_tokens))
    own = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    assert found.shape == wanted.shape
    assert gap(found, wanted) < limit
    assert own.keys() == slopes.keys()
    whole = torch.cat([slope.flatten() for slope in slopes.values()])
    assert gap(torch.cat([slope.flatten() for slope in own.values()]), whole) < limit
    for name, slope in slopes.items():
        assert gap(own[name], slope) < limit, name


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("kind", ALLOWED)
def test_a_packed_row_gives_what_padded_rows_give(kind: str, packing: Packing) -> None:
    model = model_of(ALLOWED[kind]())
    assert resolved(packing, model.eval()) is packing
    if kind in SINGLE:
        require_equal(model.train(), packing, limit=1e-5)
    else:
        require_equal(model.train().double(), packing, limit=1e-6)


@pytest.mark.parametrize("kind", ["qwen2", "qwen3, wide heads", "smollm"])
def test_so_it_does_in_float32(kind: str) -> None:
    require_equal(model_of(ALLOWED[kind]()).train(), Packing.shared, limit=1e-5)


@pytest.mark.parametrize("kind", ["qwen2", "smollm3"])
def test_so_it_does_with_gradient_checkpointing(kind: str) -> None:
    model = model_of(ALLOWED[kind]()).double().train()
    model.gradient_checkpointing_enable({"use_reentrant": False})
    require_equal(model, Packing.shared, limit=1e-6, row_tokens=50)


@pytest.mark.parametrize("row_tokens", [1, 15, 30, 55])
def test_the_length_of_the_rows_changes_nothing(row_tokens: int) -> None:
    model = model_of(ALLOWED["qwen2"]()).double()
    require_equal(model, Packing.shared, limit=1e-6, row_tokens=row_tokens)


def test_the_order_of_the_responses_changes_nothing() -> None:
    model, rows = model_of(ALLOWED["qwen2"]()).double(), rows_of(GROUPS)
    order = [4, 2, 6, 0, 5, 3, 1]
    found = passes_over(model, [rows[i] for i in order], Packing.shared)
    wanted = by_response(passes_over(model, rows, Packing.shared)).split(
        [row.response_tokens for row in rows]
    )
    assert gap(by_response(found), torch.cat([wanted[i] for i in order])) < 1e-12


@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.lists(st.integers(1, 5), min_size=1, max_size=4)),
        min_size=1,
        max_size=3,
    ),
    st.data(),
)
@settings(max_examples=15, deadline=None)
def test_no_response_reaches_another(groups: list[Group], data: st.DataObject) -> None:
    """The gradient of one response's log-probs is exactly 0 at the tokens of all others."""
    model, rows = model_of(ALLOWED["smollm3"]()).double(), rows_of(groups)
    (batch,) = micro_batches(rows, packing=Packing.shared, row_tokens=10**6)
    spans = [own for tree in batch.trees or () for own in tree.responses]
    members = list(dict.fromkeys(batch.response_N.tolist()))
    chosen = data.draw(st.integers(0, len(spans) - 1))
    embedded = model.get_input_embeddings()(batch.ids_BS).detach().requires_grad_()
    with tree_attention(model):
        hidden_SD = model.get_decoder()(
            inputs_embeds=embedded,
            attention_mask=torch.ones(1, 1, 1, 1, dtype=torch.bool),
            position_ids=batch.positions_BS,
            use_cache=False,
            packed=Packed(batch.trees or ()),
        ).last_hidden_state[0]
        own_N = batch.predicting_N[batch.response_N == members[chosen]]
        last = spans[chosen].stop - 1
        (slope,) = torch.autograd.grad(hidden_SD[[*own_N.tolist(), last]].sum(), embedded)
    assert slope[0, spans[chosen]].any()
    for number, other in enumerate(spans):
        assert number == chosen or not slope[0, other].any()


@pytest.mark.parametrize("kind", REFUSED)
def test_other_attention_is_padded_or_refused_by_name(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    make, reason = REFUSED[kind]
    model = model_of(make()).eval()
    with caplog.at_level(logging.INFO, "advdistill"):
        assert resolved(Packing.auto, model) is Packing.padded
    assert f"{reason}" in caplog.text
    for packing in (Packing.shared, Packing.plain):
        with pytest.raises(ConfigError, match=f"runtime.packing is {packing.value}.*{reason}"):
            resolved(packing, model)
    assert resolved(Packing.padded, model) is Packing.padded


def test_a_model_that_counts_positions_itself_is_padded() -> None:
    """Nothing but what it computes tells that this model overlooks the positions it is given."""
    config = OPTConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        ffn_dim=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        word_embed_proj_dim=32,
    )
    model = model_of(config).eval()
    assert resolved(Packing.auto, model) is Packing.auto

    def count(
        module: torch.nn.Module, given: tuple[object, ...], named: dict[str, object]
    ) -> object:
        ids = named["input_ids"]
        assert isinstance(ids, torch.Tensor)
        return given, {**named, "position_ids": torch.arange(ids.shape[1]).expand(ids.shape)}

    model.get_decoder().register_forward_pre_hook(count, with_kwargs=True)
    with pytest.raises(ConfigError, match="log-probs of a response change by"):
        resolved(Packing.shared, model)
