"""A teacher whose engine runs many times over, on the machines of a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from advdistill.answers import AnswerFormat
from advdistill.digests import HOW
from advdistill.engine.ray_cluster import Placement, joined, require_ray
from advdistill.errors import ConfigError
from advdistill.interfaces import Ask, Member
from advdistill.records import Response


@dataclass(frozen=True, kw_only=True)
class RayTeacher:
    """Answers as its engine does; each worker of the cluster holds one.

    Where the workers run, how many there are and how many are lost changes no answer.
    """

    engine: Member
    """What each worker holds: a model that answers by itself."""
    address: str | None = field(metadata=HOW)
    """None starts Ray on this machine; `auto` or host:port joins what runs."""
    workers: int | None = field(metadata=HOW)
    """None takes as many as fit into the cluster at each moment."""
    gpus_per_worker: float = field(metadata=HOW)
    """With vLLM, its `tensor_parallel`; 0 hides every GPU from the engine."""
    cpus_per_worker: float = field(metadata=HOW)
    shards_in_flight: int = field(metadata=HOW)
    """Shards that a worker has at a time, so that its engine need not wait for the next."""
    max_losses: int = field(metadata=HOW)
    """How often a shard may lose its worker before the run gives up."""
    start_seconds: float = field(metadata=HOW)
    """How long there may be no worker at all, as while a cluster grows."""

    def __post_init__(self) -> None:
        """Check the ranges, and that the engine is one."""
        self._placement()
        for name, least in (("shards_in_flight", 1), ("max_losses", 0), ("start_seconds", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; wanted at least {least}")
        alone = [member for member, _ in self.engine.members] == [self.engine]
        if not alone or not self.engine.stored or isinstance(self.engine, RayTeacher):
            raise ConfigError(
                f"engine is {type(self.engine).__name__}; wanted one model that answers by itself, "
                "such as teacher@teacher.engine=vllm or =transformers; in a mixture, let a part "
                "run on Ray"
            )

    @property
    def samples(self) -> int:
        """Answers wanted per prompt."""
        return self.engine.samples

    @property
    def shard_prompts(self) -> int:
        """Prompts per shard."""
        return self.engine.shard_prompts

    @property
    def members(self) -> Sequence[tuple[Member, int]]:
        """Those who answer: itself."""
        return [(self, self.samples)]

    @property
    def stored(self) -> bool:
        """Whether its answers go into the store."""
        return self.engine.stored

    @property
    def model(self) -> str | None:
        """The engine's model."""
        return self.engine.model

    @property
    def revision(self) -> str | None:
        """The pinned commit of the engine's model."""
        return self.engine.revision

    @property
    def author(self) -> Member:
        """The engine: its answers are the same without Ray."""
        return self.engine

    def sources(self) -> Sequence[Path]:
        """Return the engine's local files and folders."""
        return self.engine.sources()

    def sample(
        self, shards: Iterable[Sequence[Ask] | None], *, answer_format: AnswerFormat
    ) -> Iterator[list[Response]]:
        """Yield the responses of each shard, in order, whichever worker answers it.

        Raises:
            ConfigError: Ray is not installed.
            StageError: no cluster or no worker is to be had, or workers are lost again and again.
        """
        require_ray()
        with joined(self._placement()):
            from advdistill.engine.ray_shards import Crew, Patience

            crew = Crew(
                teacher=self.engine,
                answer_format=answer_format,
                placement=self._placement(),
                patience=Patience(
                    shards_in_flight=self.shards_in_flight,
                    max_losses=self.max_losses,
                    start_seconds=self.start_seconds,
                ),
            )
            yield from crew.answers(shards)

    def _placement(self) -> Placement:
        return Placement(
            address=self.address,
            workers=self.workers,
            gpus_per_worker=self.gpus_per_worker,
            cpus_per_worker=self.cpus_per_worker,
        )
