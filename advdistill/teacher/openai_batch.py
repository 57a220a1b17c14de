"""A teacher that answers in batches, by OpenAI's batch API: cheaper, and within a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from advdistill.answers import AnswerFormat
from advdistill.digests import HOW
from advdistill.endpoint.asking_in_batches import AskingInBatches, answer_in_batches
from advdistill.endpoint.chat import Question
from advdistill.endpoint.settings import Endpoint
from advdistill.engine.generation import Decoding, full_name
from advdistill.errors import ConfigError
from advdistill.interfaces import Ask, Member
from advdistill.models import local_folders
from advdistill.records import Response


@dataclass(frozen=True, kw_only=True)
class OpenAIBatchTeacher:
    """Any model of a service with batches; each shard is one, and each answer one of its requests.

    A batch goes on where the run that submitted it has ended, and is found again by the next run.
    """

    name: str
    """What the endpoint calls the model."""
    model: str | None
    """The same model as a hub id or folder, to be scored as an anchor; None where none is had."""
    revision: str | None
    """The commit that is served, or of the model to be scored; part of the key in any case."""
    samples: int
    temperature: float
    top_p: float
    max_tokens: int
    seed: int
    logprobs: bool
    """Asks for the log-prob of each token."""
    request_options: dict[str, Any]
    """Written over the fields of every request; null takes a field out."""
    shard_prompts: int = field(metadata=HOW)
    """Each with all its answers in one batch; services take up to 50,000 requests in one."""
    url: str = field(metadata=HOW)
    """Up to and with the version, such as `http://127.0.0.1:8000/v1`."""
    key_variable: str | None = field(metadata=HOW)
    """The environment variable that holds the key, never the key; null sends none."""
    batches: int = field(metadata=HOW)
    """Under way at a time."""
    poll_seconds: float = field(metadata=HOW)
    """Between two looks at a batch."""
    deadline_seconds: float = field(metadata=HOW)
    """For one request, files included."""
    retries: int = field(metadata=HOW)
    """Of one request, after the first try."""
    backoff_seconds: float = field(metadata=HOW)
    """The longest wait before the first retry; doubled for each one after it, up to a minute."""
    prompt_price: float | None = field(metadata=HOW)
    """Of a million tokens; null leaves the cost unknown."""
    completion_price: float | None = field(metadata=HOW)

    def __post_init__(self) -> None:
        """Check the ranges."""
        Decoding(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)
        for name in ("samples", "shard_prompts", "batches"):
            if getattr(self, name) < 1:
                raise ConfigError(f"teacher: {name} is {getattr(self, name)}; wanted at least 1")
        if not self.poll_seconds > 0:
            raise ConfigError(f"teacher: poll_seconds is {self.poll_seconds}; wanted more than 0")
        self._endpoint()

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
        """Return the model's folder, if it is named and a local one."""
        return [] if self.model is None else local_folders(self.model)

    def sample(
        self, shards: Iterable[Sequence[Ask] | None], *, answer_format: AnswerFormat
    ) -> Iterator[list[Response]]:
        """Yield the responses of each shard; batches of later ones are under way meanwhile.

        Raises:
            ConfigError: the key is not in the environment.
            StageError: the endpoint gives no answers.
        """
        asking = AskingInBatches(
            question=self._question(),
            answer_format=answer_format,
            teacher=full_name(self.name, self.revision),
            batches=self.batches,
            poll_seconds=self.poll_seconds,
        )
        yield from answer_in_batches(shards, endpoint=self._endpoint(), asking=asking)

    def _question(self) -> Question:
        return Question(
            name=self.name,
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            logprobs=self.logprobs,
            seed=self.seed,
            options=self.request_options,
        )

    def _endpoint(self) -> Endpoint:
        return Endpoint(
            url=self.url,
            key_variable=self.key_variable,
            concurrency=self.batches,
            requests_per_minute=None,
            tokens_per_minute=None,
            deadline_seconds=self.deadline_seconds,
            retries=self.retries,
            backoff_seconds=self.backoff_seconds,
            prompt_price=self.prompt_price,
            completion_price=self.completion_price,
        )
