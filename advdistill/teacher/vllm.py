"""A teacher run by vLLM: for volume, on a GPU or with the CPU build."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from advdistill.answers import AnswerFormat
from advdistill.digests import HOW
from advdistill.engine.generation import Decoding, full_name, responses_to
from advdistill.engine.vllm import Batch, open_engine
from advdistill.engine.vllm_start import EngineSettings
from advdistill.errors import ConfigError
from advdistill.interfaces import Ask, Member
from advdistill.models import local_folders, prompt_ids
from advdistill.records import Response
from advdistill.seeds import sample_seeds


@dataclass(frozen=True, kw_only=True)
class VllmTeacher:
    """Any causal language model of the hub, a folder or the package that vLLM runs."""

    model: str
    revision: str | None
    dtype: str
    samples: int
    temperature: float
    top_p: float
    max_tokens: int
    seed: int
    shard_prompts: int = field(metadata=HOW)
    max_model_len: int | None
    """Tokens of a prompt and its answer together; None takes what the model was made for."""
    gpu_memory_utilization: float = field(metadata=HOW)
    """Share of a GPU's memory that weights and cache may take; the CPU build does not read it."""
    tensor_parallel: int = field(metadata=HOW)
    """GPUs that share one copy of the model."""
    engine_options: dict[str, Any]
    """Passed unread to `vllm.LLM`."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        self._decoding()
        length, share = self.max_model_len, self.gpu_memory_utilization
        for name, value, fine, wanted in (
            ("samples", self.samples, self.samples >= 1, "at least 1"),
            ("shard_prompts", self.shard_prompts, self.shard_prompts >= 1, "at least 1"),
            # vLLM raises a lower temperature to 0.01.
            ("temperature", self.temperature, not 0 < self.temperature < 0.01, "0, or 0.01 up"),
            (
                "max_model_len",
                length,
                length is None or length > self.max_tokens,
                f"null, or more than max_tokens ({self.max_tokens})",
            ),
            ("gpu_memory_utilization", share, 0 < share <= 1, "above 0 and at most 1"),
            ("tensor_parallel", self.tensor_parallel, self.tensor_parallel >= 1, "at least 1"),
        ):
            if not fine:
                raise ConfigError(f"teacher: {name} is {value}; wanted {wanted}")

    @property
    def members(self) -> Sequence[tuple[Member, int]]:
        """Those who answer: itself."""
        return [(self, self.samples)]

    @property
    def stored(self) -> bool:
        """Whether its answers go into the store."""
        return True

    @property
    def author(self) -> Member:
        """The teacher whose answers these are: itself."""
        return self

    def sources(self) -> Sequence[Path]:
        """Return the model's folder, if it is a local one."""
        return local_folders(self.model)

    def sample(
        self, shards: Iterable[Sequence[Ask] | None], *, answer_format: AnswerFormat
    ) -> Iterator[list[Response]]:
        """Yield the responses of each shard; shards are read ahead to keep the engine busy.

        Raises:
            ConfigError: vLLM is not installed.
            StageError: vLLM does not start with these settings.
        """
        name = full_name(self.model, self.revision)
        with open_engine(self._settings()) as engine:
            asked: deque[Sequence[Ask]] = deque()

            def batches() -> Iterator[Batch | None]:
                for asks in shards:
                    if asks is None:
                        yield None
                        continue
                    asked.append(asks)
                    prompts = [ask.prompt for ask in asks]
                    yield Batch(
                        prompts=prompt_ids(prompts, engine.tokenizer, answer_format),
                        seeds=sample_seeds(self.seed, asks),
                    )

            for generations in engine.stream(batches(), decoding=self._decoding()):
                yield responses_to(asked.popleft(), generations, teacher=name)

    def _settings(self) -> EngineSettings:
        return EngineSettings(
            model=self.model,
            revision=self.revision,
            dtype=self.dtype,
            max_model_len=self.max_model_len,
            gpu_memory_utilization=self.gpu_memory_utilization,
            tensor_parallel=self.tensor_parallel,
            engine_options=self.engine_options,
        )

    def _decoding(self) -> Decoding:
        return Decoding(
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
        )
