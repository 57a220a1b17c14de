"""What vLLM is started with."""

import pytest

from advdistill.engine.vllm_start import EngineSettings, options_of

SPECULATIVE = {"method": "ngram", "num_speculative_tokens": 4, "prompt_lookup_max": 4}


def settings(**engine_options: object) -> EngineSettings:
    return EngineSettings(
        model="owner/name",
        revision="abc",
        dtype="bfloat16",
        max_model_len=2048,
        gpu_memory_utilization=0.8,
        tensor_parallel=2,
        engine_options=dict(engine_options),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("speculative_config", SPECULATIVE),
        ("quantization", "fp8"),
        ("kv_cache_dtype", "fp8"),
        ("pipeline_parallel_size", 2),
        ("max_num_seqs", 64),
        ("no_such_option", {"deep": [1, None]}),
    ],
)
def test_an_engine_option_reaches_vllm_unread(name: str, value: object) -> None:
    plain, given = (options_of(settings(**more), cpu=False) for more in ({}, {name: value}))
    assert given.pop(name) is value
    assert given == plain


def test_an_engine_option_goes_before_what_would_stand_there() -> None:
    assert options_of(settings(), cpu=True)["block_size"] == 32
    assert options_of(settings(block_size=64), cpu=True)["block_size"] == 64
    assert (
        options_of(settings(enable_prefix_caching=False), cpu=False)["enable_prefix_caching"]
        is False
    )


def test_settings_have_the_names_that_vllm_gives_them() -> None:
    options = options_of(settings(), cpu=False)
    assert options["model"] == "owner/name"
    assert options["revision"] == options["tokenizer_revision"] == "abc"
    assert options["tensor_parallel_size"] == 2
    assert options["gpu_memory_utilization"] == 0.8
