"""What runs in a process of Ray's: one engine, open from the first shard to the last."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from advdistill.answers import AnswerFormat
from advdistill.interfaces import Ask, Member
from advdistill.records import Response


class Worker:
    """A teacher that is handed shards one by one and keeps several under way."""

    def __init__(self, teacher: Member, answer_format: AnswerFormat) -> None:
        self._given: deque[Sequence[Ask]] = deque()
        self._answers = teacher.sample(self._shards(), answer_format=answer_format)

    def there(self) -> None:
        """Return as soon as the process is up; the engine starts with the first shard."""

    def answer(self, shards: Sequence[Sequence[Ask]]) -> list[Response]:
        """Take further shards and return the responses of the oldest that waits for its own."""
        self._given.extend(shards)
        return next(self._answers)

    def close(self) -> None:
        """End the engine in good order."""
        self._answers.close()  # pyright: ignore[reportAttributeAccessIssue] engines' are generators

    def _shards(self) -> Iterator[Sequence[Ask] | None]:
        """Yield what was given; None says that the next comes when one has been answered."""
        while True:
            yield self._given.popleft() if self._given else None
