"""A teacher run by `transformers`: the default where vLLM is not installed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill.answers import AnswerFormat
from advdistill.engine.generation import Decoding, full_name
from advdistill.errors import ConfigError
from advdistill.models import load_tokenizer, local_folders, prompt_ids
from advdistill.records import Prompt, Response
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
    shard_prompts: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        self._decoding()
        if self.shard_prompts < 1:
            raise ConfigError(f"teacher: shard_prompts is {self.shard_prompts}; wanted at least 1")

    def sources(self) -> Sequence[Path]:
        """Return the model's folder, if it is a local one."""
        return local_folders(self.model)

    def sample(
        self, shards: Iterable[Sequence[Prompt]], *, answer_format: AnswerFormat
    ) -> Iterator[list[Response]]:
        """Yield the responses of each shard; one shard is one batch."""
        from advdistill.engine.transformers import generate, load_model

        name = full_name(self.model, self.revision)
        tokenizer = load_tokenizer(self.model, self.revision)
        model = load_model(self.model, self.revision, dtype=self.dtype)
        for prompts in shards:
            generations = generate(
                model,
                tokenizer,
                prompt_ids(prompts, tokenizer, answer_format),
                decoding=self._decoding(),
                seeds=sample_seeds(self.seed, prompts, self.samples),
            )
            yield [
                generation.response(prompt.prompt_id, sample, teacher=name)
                for prompt, group in zip(prompts, generations, strict=True)
                for sample, generation in enumerate(group)
            ]

    def _decoding(self) -> Decoding:
        return Decoding(
            samples=self.samples,
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
        )
