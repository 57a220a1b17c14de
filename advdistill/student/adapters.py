"""LoRA and QLoRA: a frozen base with trained matrices beside its linear layers, and their merging.

The adapter is put into the model itself, not around it, so that whatever runs the model runs it.
Axes: `O` outputs of a layer, `I` inputs.
"""

from __future__ import annotations

import json
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from peft.utils.integrations import dequantize_module_weight
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, BitsAndBytesConfig
from transformers.pytorch_utils import Conv1D
from transformers.utils.logging import disable_progress_bar as hide_bars

from advdistill.errors import ConfigError
from advdistill.models import locate
from advdistill.student.checkpoint import commit
from advdistill.student.finetune import ALL_LINEAR, Adapter, Dtype, Finetune

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NAME = "default"
"""Of the adapter; peft could hold several."""


def load_adapted(student: Finetune) -> PreTrainedModel:
    """Return the base in the student's dtype or 4 bits, frozen, with an adapter of no effect yet.

    The adapter is in float32; its first values depend on the student's seed alone.

    Raises:
        ConfigError: a target is no linear layer of the model, or the head.
    """
    adapter = _adapter(student)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = _load(student, device, _four_bits(student.dtype) if adapter.quantise else None)
    if adapter.quantise:
        _check_quantised(model)
    insert(model, adapter, seed=student.seed)
    return model


def insert(model: PreTrainedModel, adapter: Adapter, *, seed: int) -> None:
    """Freeze the model and put an adapter into it.

    Raises:
        ConfigError: a target is no linear layer of the model, or the head.
    """
    _check_targets(model, adapter)
    everything = adapter.targets == [ALL_LINEAR]
    config = LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,  # pyright: ignore[reportArgumentType] a float does as well
        lora_dropout=adapter.dropout,
        target_modules=ALL_LINEAR if everything else sorted(adapter.targets),
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, model, NAME)
    for parameter in model.parameters():
        if parameter.requires_grad:  # the adapter's alone
            parameter.data = parameter.data.float()
    model.eval()


def save_adapter(student: Finetune, model: PreTrainedModel, folder: Path) -> None:
    """Leave the adapter as peft reads it: `adapter_model.safetensors`, `adapter_config.json`."""
    draft = folder.with_suffix(".draft")
    rmtree(draft, ignore_errors=True)
    draft.mkdir()
    tensors = get_peft_model_state_dict(model, adapter_name=NAME, save_embedding_layers=False)
    named = {
        f"base_model.model.{name}": tensor.detach().cpu().contiguous()
        for name, tensor in tensors.items()
    }
    save_file(named, draft / "adapter_model.safetensors", metadata={"format": "pt"})
    config: dict[str, Any] = model.peft_config[NAME].to_dict()  # pyright: ignore
    config |= {
        "base_model_name_or_path": student.model,
        "revision": student.revision,
        "inference_mode": True,
    }
    # A set has another order in each process.
    plain = {
        key: sorted(value) if isinstance(value, set) else value for key, value in config.items()
    }
    text = json.dumps(plain, indent=2, sort_keys=True)
    (draft / "adapter_config.json").write_text(text + "\n")
    commit(draft, folder)


@torch.no_grad()
def merged(student: Finetune, model: PreTrainedModel) -> PreTrainedModel:
    """Return a plain model on the CPU, in the student's dtype, that computes what this one does.

    Weights in 4 bits are taken as training saw them, not as they were before.
    """
    plain = _load(student, torch.device("cpu"), None)
    if _adapter(student).quantise:
        for name, layer in _four_bit_layers(model):
            weight_OI = _weight(plain, name.removesuffix(".base_layer"))
            weight_OI.copy_(dequantize_module_weight(layer))
    for name, layer in _adapted_layers(model):
        weight_OI = _weight(plain, name)
        # Summed in float32, so that the sum is rounded once.
        weight_OI.copy_(weight_OI.float() + layer.get_delta_weight(NAME).float().cpu())
    plain.generation_config = model.generation_config
    return plain


def _adapter(student: Finetune) -> Adapter:
    assert student.adapter is not None, "only a student with an adapter comes here"
    return student.adapter


def _load(
    student: Finetune, device: torch.device, quantisation: BitsAndBytesConfig | None
) -> PreTrainedModel:
    hide_bars()  # the stage shows its own progress
    model: Any = AutoModelForCausalLM.from_pretrained(
        locate(student.model),
        revision=student.revision,
        dtype=student.dtype.value,
        device_map={"": device},
        quantization_config=quantisation,
        trust_remote_code=False,
        use_safetensors=True,
    )
    return model.eval()


def _four_bits(dtype: Dtype) -> BitsAndBytesConfig:
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype.value,
    )


def _check_quantised(model: PreTrainedModel) -> None:
    for name, layer in _four_bit_layers(model):
        if layer.source_cls is Conv1D:
            raise ConfigError(
                f"student: adapter.quantise is true, but '{name}' of {type(model).__name__} is a "
                "Conv1D, which turns over in 4 bits; set student.adapter.quantise=false"
            )
        # On a CPU it would round the weights further at the first pass of an evaluation.
        layer.support_avx512bf16_for_cpu = False


def _check_targets(model: PreTrainedModel, adapter: Adapter) -> None:
    if adapter.targets == [ALL_LINEAR]:
        return
    head = model.get_output_embeddings()
    layers = {name: layer for name, layer in model.named_modules() if layer is not head}
    linear = {name for name, layer in layers.items() if isinstance(layer, torch.nn.Linear | Conv1D)}
    for target in adapter.targets:
        meant = [name for name in layers if f".{name}".endswith(f".{target}")]
        if not meant or not linear.issuperset(meant):
            known = sorted({name.rpartition(".")[2] for name in linear})
            raise ConfigError(
                f"student: adapter.targets names '{target}', which is no linear layer of "
                f"{type(model).__name__} below its head; wanted some of {', '.join(known)}, "
                f"or {ALL_LINEAR} alone; embeddings and head stay as they are"
            )


def _adapted_layers(model: PreTrainedModel) -> list[tuple[str, Any]]:
    return [(name, layer) for name, layer in model.named_modules() if isinstance(layer, LoraLayer)]


def _four_bit_layers(model: PreTrainedModel) -> list[tuple[str, Any]]:
    from bitsandbytes.nn.modules import Linear4bit  # of an extra, see `Finetune.check`

    return [(name, layer) for name, layer in model.named_modules() if isinstance(layer, Linear4bit)]


def _weight(model: PreTrainedModel, layer: str) -> torch.Tensor:
    return model.get_parameter(f"{layer}.weight")
