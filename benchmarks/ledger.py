"""A teacher that answers as another does, slowly, and writes down each shard that it generated."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from advdistill.answers import AnswerFormat
from advdistill.digests import HOW
from advdistill.interfaces import Ask, Member
from advdistill.records import Response


@dataclass(frozen=True, kw_only=True)
class Line:
    """What a teacher wrote down."""

    pid: int
    shard: str | None
    """The id of its first prompt; None where the teacher was started."""


@dataclass(frozen=True, kw_only=True)
class LedgerTeacher:
    """Answers as `inner` does; a line is on the disk before the answers are given away."""

    inner: Member
    samples: int
    ledger: Path = field(metadata=HOW)
    seconds: float = field(metadata=HOW)
    """Waited after each shard, so that a kill finds the teacher at work."""

    @property
    def shard_prompts(self) -> int:
        """Prompts per shard."""
        return self.inner.shard_prompts

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
        """Itself."""
        return self

    @property
    def model(self) -> str | None:
        """The inner teacher's model."""
        return self.inner.model

    @property
    def revision(self) -> str | None:
        """The pinned commit of that model."""
        return self.inner.revision

    def sources(self) -> Sequence[Path]:
        """Return the inner teacher's local files and folders."""
        return self.inner.sources()

    def sample(
        self, shards: Iterable[Sequence[Ask] | None], *, answer_format: AnswerFormat
    ) -> Iterator[list[Response]]:
        """Yield the responses of each shard as the inner teacher does."""
        self._note(None)
        for responses in self.inner.sample(shards, answer_format=answer_format):
            self._note(responses[0].prompt_id)
            time.sleep(self.seconds)
            yield responses

    def _note(self, shard: str | None) -> None:
        line = json.dumps(asdict(Line(pid=os.getpid(), shard=shard))) + "\n"
        with self.ledger.open("ab", buffering=0) as file:
            file.write(line.encode())


def read_ledger(path: Path) -> list[Line]:
    """Return what teachers wrote down so far."""
    if not path.exists():
        return []
    return [Line(**json.loads(line)) for line in path.read_text().splitlines()]
