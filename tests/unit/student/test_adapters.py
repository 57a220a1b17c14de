import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from advdistill.engine.generation import Decoding
from advdistill.engine.transformers import generate
from advdistill.errors import ConfigError
from advdistill.interfaces import Packing
from advdistill.student.adapters import insert, load_adapted, merged, save_adapter
from advdistill.student.attention import tree_attention
from advdistill.student.batches import Row, encode
from advdistill.student.finetune import Adapter, Dtype
from advdistill.student.forward import PassLoss
from advdistill.student.gradient import accumulate, responses_of
from advdistill.student.packing import micro_batches
from tests.tiny import END, byte_tokenizer, pool, tiny_model
from tests.unit.student.students import (
    OBJECTIVE,
    Notebook,
    StoppedError,
    fingerprints,
    job,
    student,
)

LORA = Adapter(rank=4, alpha=8.0, dropout=0.0, targets=["all-linear"], quantise=False)
QLORA = replace(LORA, quantise=True)
BOTH = pytest.mark.parametrize("adapter", [LORA, QLORA], ids=["lora", "qlora"])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_model(tmp_path_factory.mktemp("student"), attention_dropout=0.1)


def plain(folder: Path | str) -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(folder)


def stir(model: PreTrainedModel) -> PreTrainedModel:
    """Give the adapter an effect, as training does."""
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1, generator=generator)
    return model


@torch.no_grad()
def logits(model: PreTrainedModel) -> torch.Tensor:
    ids = torch.arange(3, 43).reshape(2, 20)
    return model(input_ids=ids).logits.float()


def trained(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}


@BOTH
@pytest.mark.parametrize(
    ("dtype", "stored"), [(Dtype.float32, torch.float32), (Dtype.bfloat16, torch.bfloat16)]
)
def test_the_adapter_alone_is_trained_in_float32_beside_a_base_of_the_dtype(
    model: str, adapter: Adapter, dtype: Dtype, stored: torch.dtype
) -> None:
    found = load_adapted(student(model, dtype=dtype, adapter=adapter))
    adapted = trained(found)
    layers = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    assert len(adapted) == 2 * len(layers) * 2
    assert all(
        "lora_" in name and tensor.dtype == torch.float32 for name, tensor in adapted.items()
    )
    base = {p.dtype for p in found.parameters() if not p.requires_grad}
    assert base == ({stored, torch.uint8} if adapter.quantise else {stored})
    assert not any(module.training for module in found.modules())


def test_the_first_values_depend_on_the_seed_alone_and_have_no_effect(model: str) -> None:
    torch.manual_seed(1)
    one = load_adapted(student(model, adapter=LORA))
    torch.manual_seed(2)
    before = torch.get_rng_state()
    two = load_adapted(student(model, adapter=LORA))
    assert torch.equal(torch.get_rng_state(), before)
    other = load_adapted(replace(student(model, adapter=LORA), seed=1))
    assert all(torch.equal(trained(one)[name], trained(two)[name]) for name in trained(one))
    assert any(not torch.equal(trained(one)[name], trained(other)[name]) for name in trained(one))
    assert torch.equal(logits(one), logits(plain(model)))


@pytest.mark.parametrize(
    ("targets", "named"),
    [
        (["lm_head"], "lm_head"),
        (["q_proj", "embed_tokens"], "embed_tokens"),
        (["mlp"], "mlp"),
        (["query"], "query"),
        (["layers.7.self_attn.q_proj"], r"layers\.7\.self_attn\.q_proj"),
    ],
)
def test_a_target_that_is_no_linear_layer_below_the_head_is_refused(
    model: str, targets: list[str], named: str
) -> None:
    with pytest.raises(ConfigError, match=rf"names '{named}', which is no linear .* q_proj"):
        insert(plain(model), replace(LORA, targets=targets), seed=0)


def test_named_targets_are_the_only_ones(model: str) -> None:
    found = plain(model)
    insert(found, replace(LORA, targets=["q_proj", "layers.1.mlp.up_proj"]), seed=0)
    assert {name.split(".lora_")[0] for name in trained(found)} == {
        "model.layers.0.self_attn.q_proj",
        "model.layers.1.self_attn.q_proj",
        "model.layers.1.mlp.up_proj",
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rank": 0}, "rank is 0"),
        ({"alpha": 0.0}, r"alpha is 0\.0"),
        ({"dropout": 1.0}, r"dropout is 1\.0"),
        ({"targets": []}, r"targets is \[\]"),
        ({"targets": ["all-linear", "q_proj"]}, "targets is .*alone"),
    ],
)
def test_a_setting_out_of_range_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"student\.adapter: {message}"):
        replace(LORA, **change)  # type: ignore[arg-type]


def test_a_missing_package_is_named_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    student("nowhere/nothing", adapter=LORA).check()
    one = student("nowhere/nothing", adapter=QLORA)
    with pytest.raises(ConfigError, match=r"pip install 'advdistill\[qlora\]'"):
        one.check()
    with pytest.raises(ConfigError, match=r"pip install 'advdistill\[qlora\]'"):
        one.refer(pool(1, 1), job=job())


def encoded() -> list[Row]:
    found = encode(pool(4, 4), end=END, max_tokens=256)
    return [row for group in found.by_prompt.values() for row in group]


def fused_gradient(model: PreTrainedModel, rows: Sequence[Row], packing: Packing) -> dict:
    responses = responses_of(rows)
    with tree_attention(model):
        accumulate(
            PassLoss(model),
            responses,
            micro_batches(rows, packing=packing, row_tokens=128),
            objective=OBJECTIVE,
            denominator=OBJECTIVE.denominator(responses),
            backward=torch.Tensor.backward,
        )
    return gradients(model)


def plain_gradient(model: PreTrainedModel, rows: Sequence[Row]) -> dict:
    """Return the gradient by whole logits of one response at a time and autograd alone."""
    denominator = OBJECTIVE.denominator(responses_of(rows))
    for row in rows:
        ids = torch.from_numpy(row.ids).long()
        logprobs = model(input_ids=ids[None]).logits[0, :-1].log_softmax(-1)
        own = logprobs.gather(1, ids[1:, None])[row.prompt_tokens - 1 :, 0]
        loss = -row.weight * own if row.weight > 0 else row.weight * (-own.exp()).log1p()
        (loss.sum() / denominator).backward()
    return gradients(model)


def gradients(model: PreTrainedModel) -> dict:
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert found.keys() == trained(model).keys()
    model.zero_grad()
    return found


@pytest.mark.parametrize(
    ("packing", "checkpointing"),
    [*((packing, False) for packing in Packing), (Packing.shared, True)],
)
def test_the_gradient_is_that_of_a_plain_pass(
    tmp_path: Path, packing: Packing, checkpointing: bool
) -> None:
    found = stir(load_adapted(student(tiny_model(tmp_path), adapter=LORA))).double()
    rows = encoded()
    wanted = plain_gradient(found, rows)
    if checkpointing:
        found.gradient_checkpointing_enable({"use_reentrant": False})
        found.train()
    given = fused_gradient(found, rows, packing)
    gaps = {name: (given[name] - wanted[name]).norm() / wanted[name].norm() for name in wanted}
    assert max(gaps.values()) < 1e-6
    both = [torch.cat([one[name].flatten() for name in wanted]) for one in (given, wanted)]
    assert (both[0] - both[1]).norm() / both[1].norm() < 1e-6


@pytest.mark.parametrize("packing", [Packing.shared, Packing.plain])
def test_the_gradient_over_a_base_in_four_bits_is_that_of_a_plain_pass(
    tmp_path: Path, packing: Packing
) -> None:
    found = stir(load_adapted(student(tiny_model(tmp_path), adapter=QLORA)))
    rows = encoded()
    wanted, given = plain_gradient(found, rows), fused_gradient(found, rows, packing)
    gaps = [(given[name] - wanted[name]).norm() / wanted[name].norm() for name in wanted]
    assert max(gaps) < 1e-4


@BOTH
@pytest.mark.parametrize(("dtype", "tolerance"), [(Dtype.float32, 2e-6), (Dtype.bfloat16, 2e-2)])
def test_merged_it_computes_the_same(
    model: str, tmp_path: Path, adapter: Adapter, dtype: Dtype, tolerance: float
) -> None:
    one = student(model, dtype=dtype, adapter=adapter)
    found = stir(load_adapted(one))
    whole = merged(one, found)
    wanted = logits(found)
    assert {p.dtype for p in whole.parameters()} == {getattr(torch, dtype)}
    assert not [name for name, _ in whole.named_modules() if "lora" in name]
    assert (logits(whole) - wanted).abs().max() < tolerance * wanted.abs().max()
    assert (logits(plain(model)) - wanted).abs().max() > 0.1 * wanted.abs().max()


def test_merged_weights_of_four_bits_are_those_that_training_saw(model: str) -> None:
    """Into the weights before rounding, the same adapter makes another model."""
    one = student(model, adapter=QLORA)
    found = stir(load_adapted(one))
    wanted = logits(found)
    rounded = logits(merged(one, found)) - wanted
    unrounded = logits(merged(replace(one, adapter=LORA), found)) - wanted
    assert unrounded.abs().max() > 100 * rounded.abs().max()


def test_evaluating_a_base_in_four_bits_leaves_its_weights(model: str) -> None:
    found = stir(load_adapted(student(model, adapter=QLORA)))
    weights = [p.detach().clone() for p in found.parameters()]
    found.train()
    before = logits(found.eval())
    generate(found, byte_tokenizer(), [[5, 6]], decoding=GREEDY, seeds=[[0]])
    assert all(torch.equal(p, old) for p, old in zip(found.parameters(), weights, strict=True))
    assert torch.equal(logits(found), before)


GREEDY = Decoding(temperature=0.0, top_p=1.0, max_tokens=8)


def written(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> tuple[str, float]:
    ((answer,),) = generate(model, tokenizer, [[5, 6, 7]], decoding=GREEDY, seeds=[[0]])
    return answer.text, answer.logprob_sum


@BOTH
def test_training_moves_the_loss_down_and_leaves_the_adapter_and_a_plain_model(
    model: str, tmp_path: Path, adapter: Adapter
) -> None:
    seen: list[tuple[str, float]] = []

    def validate(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> float:
        seen.append(written(model, tokenizer))
        return float(len(seen))

    notebook = Notebook()
    one = student(model, max_steps=10, adapter=adapter)
    given = [replace(example, weight=1.0, right=True) for example in pool(10, 4)]
    one.train(OBJECTIVE, given, folder=tmp_path, job=job(notebook, validate=validate))
    loss = notebook.column("loss")
    assert loss[10] < loss[1] - 0.2
    assert sorted(path.name for path in (tmp_path / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    whole = plain(tmp_path / "model")
    text, logprob = written(whole, byte_tokenizer())
    assert (text, pytest.approx(logprob, abs=1e-4)) == seen[-1]
    assert seen[-1][1] != pytest.approx(seen[0][1], abs=1e-2)
    assert whole.generation_config.eos_token_id == [0, 2]


def test_the_adapter_is_one_that_peft_reads(model: str, tmp_path: Path) -> None:
    names = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]
    one = student(model, adapter=replace(LORA, targets=names))
    found = stir(load_adapted(one))
    save_adapter(one, found, tmp_path / "adapter")
    read = PeftModel.from_pretrained(plain(model), str(tmp_path / "adapter"))
    assert torch.equal(logits(read.eval()), logits(found))
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["target_modules"] == names
    assert (config["r"], config["lora_alpha"], config["base_model_name_or_path"]) == (4, 8, model)


@pytest.mark.parametrize("adapter", [replace(LORA, dropout=0.1), replace(QLORA, dropout=0.1)])
def test_ten_steps_equal_five_and_five_bit_by_bit(
    model: str, tmp_path: Path, adapter: Adapter
) -> None:
    one = student(model, max_steps=10, adapter=adapter)

    def score(model: PreTrainedModel, _: PreTrainedTokenizerBase) -> float:
        return float(sum(p.double().abs().sum() for p in trained(model).values()) * 1e3 % 1)

    whole, first, second = Notebook(), Notebook(stop_at=7), Notebook()
    one.train(OBJECTIVE, pool(10, 4), folder=tmp_path / "a", job=job(whole, validate=score))
    with pytest.raises(StoppedError):
        one.train(OBJECTIVE, pool(10, 4), folder=tmp_path / "b", job=job(first, validate=score))
    checkpoint = tmp_path / "b" / "checkpoints" / "step00005"
    with safe_open(checkpoint / "model.safetensors", "pt") as stored:
        assert all("lora_" in name for name in stored.keys())  # noqa: SIM118
    moments = load_file(checkpoint / "optimizer.safetensors")
    assert moments
    assert all("lora_" in name for name in moments)
    torch.manual_seed(5)
    one.train(OBJECTIVE, pool(10, 4), folder=tmp_path / "b", job=job(second, validate=score))
    assert [step for step, _ in second.lines] == [6, 7, 8, 9, 10, 10]
    assert first.lines[:-1] + second.lines == whole.lines
    assert fingerprints(tmp_path / "a") == fingerprints(tmp_path / "b")


def test_the_base_model_is_kept_if_training_only_harms(model: str, tmp_path: Path) -> None:
    scores = iter([0.5, 0.4])
    one = student(model, max_steps=2, adapter=LORA)
    one.train(OBJECTIVE, pool(10, 4), folder=tmp_path, job=job(validate=lambda *_: next(scores)))
    found, wanted = plain(tmp_path / "model").state_dict(), plain(model).state_dict()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    stored = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert all(not tensor.any() for name, tensor in stored.items() if "lora_B" in name)


def test_its_reference_is_the_base(model: str) -> None:
    given = pool(4, 3)
    found = student(model, adapter=LORA).refer(given, job=job())
    assert found == pytest.approx(student(model).refer(given, job=job()), abs=1e-5)
