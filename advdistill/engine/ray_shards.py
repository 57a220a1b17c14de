"""Hands shards to workers on a Ray cluster and takes lost ones back."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from advdistill.answers import AnswerFormat
from advdistill.engine.ray_cluster import Placement, summary
from advdistill.engine.ray_worker import Worker
from advdistill.errors import StageError
from advdistill.interfaces import Ask, Member
from advdistill.records import Response

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
"""How often the cluster is looked at for further room while nothing comes back."""
_CLOSE_SECONDS = 5.0
"""For an engine to end in good order, before its process is killed."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How much is asked of the workers at a time, and how much is borne."""

    shards_in_flight: int
    """Shards that a worker has at a time."""
    max_losses: int
    """How often a shard may lose its worker."""
    start_seconds: float
    """How long there may be no worker at all."""


@dataclass(kw_only=True, eq=False)
class _Task:
    asks: Sequence[Ask]
    handed: bool = False
    losses: int = 0
    responses: list[Response] | None = None


@dataclass(kw_only=True, eq=False)
class _Hired:
    actor: Any
    call: Any
    """What it was asked last and has not answered: first of all, whether it is there."""
    there: bool = False
    tasks: deque[_Task] = field(default_factory=deque[_Task])
    """The oldest first, which it answers next."""


@dataclass(kw_only=True, eq=False)
class Crew:
    """The workers and the shards that wait for them; `answers` starts and ends it."""

    teacher: Member
    answer_format: AnswerFormat
    placement: Placement
    patience: Patience
    _hired: list[_Hired] = field(default_factory=list[_Hired])
    _line: deque[_Task] = field(default_factory=deque[_Task])
    """Every shard that was read and has not been yielded, in order."""
    _read_all: bool = False
    """Whether no shard is left, or none before one more has been yielded."""
    _still_born: int = 0
    """Workers in a row that were lost before they had a shard."""
    _seen: float = field(default_factory=time.monotonic)
    """When there was a worker."""

    def answers(self, shards: Iterable[Sequence[Ask] | None]) -> Iterator[list[Response]]:
        """Yield the responses of each shard, in order.

        Raises:
            AdvDistillError: that of the engine; or workers are lost again and again, or none comes.
        """
        if self.placement.address is None and not self.placement.room():
            raise self.placement.lacking()
        rest = iter(shards)
        try:
            while self._read(rest):
                responses = self._line[0].responses
                if responses is None:
                    self._step()
                    continue
                self._line.popleft()
                self._read_all = False
                yield responses
        finally:
            self._end()

    def _read(self, rest: Iterator[Sequence[Ask] | None]) -> bool:
        """Read shards ahead, in bounds; return whether any is waited for."""
        room = 2 * self.patience.shards_in_flight * max(len(self._hired), 1)
        while not self._read_all and len(self._line) < room:
            asks = next(rest, None)
            if asks is None:
                self._read_all = True
            else:
                self._line.append(_Task(asks=asks))
        return bool(self._line)

    def _step(self) -> None:
        """Hire, hand out, and take what comes back first."""
        for _ in range(self.placement.wanted() - len(self._hired)):
            self._hire()
        for hired in self._hired:
            if hired.call is None:
                self._hand_out(hired)
        self._look_for_life()
        calls = {hired.call: hired for hired in self._hired if hired.call is not None}
        if not calls:
            time.sleep(_LOOK_SECONDS)
            return
        for call in ray.wait(list(calls), timeout=_LOOK_SECONDS)[0]:
            self._take(calls[call])

    def _hire(self) -> None:
        actor: Any = (
            ray.remote(Worker)
            .options(
                num_cpus=self.placement.cpus_per_worker,
                num_gpus=self.placement.gpus_per_worker,
                scheduling_strategy="SPREAD",
            )
            .remote(self.teacher, self.answer_format)
        )
        self._hired.append(_Hired(actor=actor, call=actor.there.remote()))

    def _hand_out(self, hired: _Hired) -> None:
        """Give a worker its share of the shards that wait, and have it go on."""
        waiting = [task for task in self._line if not task.handed]
        room = self.patience.shards_in_flight - len(hired.tasks)
        given = waiting[: min(room, ceil(len(waiting) / len(self._hired)))]
        for task in given:
            task.handed = True
        hired.tasks.extend(given)
        if hired.tasks:
            hired.call = hired.actor.answer.remote([task.asks for task in given])

    def _take(self, hired: _Hired) -> None:
        """Take what a worker gives back, or its loss."""
        try:
            responses = ray.get(hired.call)
        except RayTaskError as error:
            raise error.cause from error
        except RayError as error:
            self._lose(hired, error)
            return
        hired.call, hired.there = None, True
        if hired.tasks:  # else it said that it is there
            hired.tasks.popleft().responses = responses
            self._still_born = 0

    def _lose(self, hired: _Hired, error: RayError) -> None:
        """Take the shards of a lost worker back; another is hired for it."""
        self._hired.remove(hired)
        ray.kill(hired.actor)  # it may be out of reach and at work
        for task in hired.tasks:
            task.handed = False
        logger.warning(
            "teacher 'ray': a worker was lost with %d shards, which others get (%s)",
            *(len(hired.tasks), summary(error)),
        )
        if self._count(hired) > self.patience.max_losses:
            raise self._given_up(hired) from error

    def _count(self, hired: _Hired) -> int:
        """Return how often the worker's oldest shard, or one without any, has been lost by now.

        Only the oldest counts: those behind it may have nothing to do with the loss, and if one
        does, it is the oldest of a worker in the end.
        """
        if not hired.tasks:
            self._still_born += 1
            return self._still_born
        hired.tasks[0].losses += 1
        return hired.tasks[0].losses

    def _given_up(self, hired: _Hired) -> StageError:
        when, count = "before they had a shard", self._still_born
        if hired.tasks:
            first = hired.tasks[0]
            when, count = f"with the shard of {first.asks[0].prompt.prompt_id}", first.losses
        return StageError(
            f"teacher 'ray': {count} workers were lost {when}; wanted at most "
            f"{self.patience.max_losses} (max_losses). If memory ran out, lower shard_prompts, "
            "shards_in_flight or the engine's gpu_memory_utilization; if they could not start, "
            "install the same advdistill on every machine; if machines are taken away, raise "
            "max_losses. Ray's logs of the workers say more. The same command goes on from here"
        )

    def _look_for_life(self) -> None:
        if any(hired.there for hired in self._hired):
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > self.patience.start_seconds:
            raise self.placement.lacking()

    def _end(self) -> None:
        """End every worker; an engine that is at work when time is up is killed."""
        closing = [hired.actor.close.remote() for hired in self._hired if hired.there]
        if closing:
            ray.wait(closing, num_returns=len(closing), timeout=_CLOSE_SECONDS)
        for hired in self._hired:
            ray.kill(hired.actor)
