"""A teacher run by `transformers`: the default where vLLM is not installed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from advdistill.answers import AnswerFormat
from advdistill.digests import HOW
from advdistill.engine.generation import Decoding, full_name, responses_to
from advdistill.errors import ConfigError
from advdistill.interfaces import Ask, Member
from advdistill.models import load_tokenizer, local_folders, prompt_ids
from advdistill.records import Response
from advdistill.seeds import sample_seeds


@dataclass(frozen=True, kw_only=True)
class TransformersTeacher:
    """Any causal language model of the hub, a folder or the package."""

    model: str
    revision: str | None
    dtype: str
    samples: int
    temperature: float
    top_p: float
    max_tokens: int
    seed: int
    shard_prompts: int = field(metadata=HOW)

    def __post_init__(self) -> None:
        """Check the ranges."""
        self._decoding()
        for name in ("samples", "shard_prompts"):
            if getattr(self, name) < 1:
                raise ConfigError(f"teacher: {name} is {getattr(self, name)}; wanted at least 1")

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
        """Yield the responses of each shard; one shard is one batch."""
        from advdistill.engine.transformers import generate, load_model

        name = full_name(self.model, self.revision)
        tokenizer = load_tokenizer(self.model, self.revision)
        model = load_model(self.model, self.revision, dtype=self.dtype)
        for asks in shards:
            if asks is None:
                continue
            generations = generate(
                model,
                tokenizer,
                prompt_ids([ask.prompt for ask in asks], tokenizer, answer_format),
                decoding=self._decoding(),
                seeds=sample_seeds(self.seed, asks),
            )
            yield responses_to(asks, generations, teacher=name)

    def _decoding(self) -> Decoding:
        return Decoding(
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
        )
