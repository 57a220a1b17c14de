"""Asks a teacher for the answers that a store lacks, shard by shard.

Shards are a fixed grid over the prompts, so that a run that was killed asks for the very shards
that an undisturbed one would have asked for.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, count, islice

from advdistill import stages
from advdistill.answers import AnswerFormat
from advdistill.digests import digest_of_json
from advdistill.interfaces import EVERY, Ask, Judge, Member, Sampling, Tried
from advdistill.pool.keys import Question
from advdistill.pool.shards import stored
from advdistill.pool.store import Store
from advdistill.records import Response, Verdict

_STEP_SECONDS = 0.2
"""Between two looks at what another writer is asking for."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a store is to hold."""

    member: Member
    samples: int
    """Answers per prompt at most; 0 for as many as there are."""
    sampling: Sampling
    answer_format: AnswerFormat
    judge: Judge | None
    """For a sampling that reads verdicts."""


@dataclass(kw_only=True, eq=False)
class Shard:
    """Prompts of the grid, and how far their answers have come."""

    number: int
    questions: Sequence[Question]
    counts: list[int]
    """Answers wanted of each so far."""
    settled: list[int]
    """How many of those are there, or will never be."""
    tried: list[Tried]
    """What the settled ones came to."""
    asks: list[Ask] = field(default_factory=list)
    """What is asked for now; nothing where all is there."""
    claim: ExitStack = field(default_factory=ExitStack)


def fill(store: Store, questions: Iterable[Question], wanted: Wanted) -> Iterator[Shard]:
    """Yield each shard of the prompts once its answers are there, in no particular order.

    The teacher is started when the first answer is missing. Where another process asks for a
    shard, its answers are waited for.

    Raises:
        StageError: as `Member.sample`; what was answered before is in the store.
    """
    filling = _Filling(store=store, wanted=wanted, fresh=_grid(questions, wanted.member))
    offered = filling.offered()
    for shard in offered:
        if shard is not None and shard.asks:
            yield from filling.answered(chain([shard], offered))
        elif shard is not None:
            yield shard


def _grid(questions: Iterable[Question], member: Member) -> Iterator[Shard]:
    rest, nothing = iter(questions), Tried(answers=0, passed=0, failed=0)
    for number in count():
        part = list(islice(rest, member.shard_prompts))
        if not part:
            return
        none = [0] * len(part)
        yield Shard(
            number=number,
            questions=part,
            counts=none,
            settled=none,
            tried=[nothing] * len(part),
        )


@dataclass(kw_only=True, eq=False)
class _Filling:
    store: Store
    wanted: Wanted
    fresh: Iterator[Shard]
    again: deque[Shard] = field(default_factory=deque)
    """Answered; there may be more to ask for."""
    elsewhere: deque[Shard] = field(default_factory=deque)
    """Asked for by another process."""
    flying: deque[Shard] = field(default_factory=deque)
    """Asked for by this one, in that order."""

    def offered(self) -> Iterator[Shard | None]:
        """Yield each shard with what it asks for, which is nothing when it is done.

        None: there is no other before one more has been answered.
        """
        for shard in self.fresh:
            yield from self._offer(shard)
            while self.again:
                yield from self._offer(self.again.popleft())
        while self.again or self.flying or self.elsewhere:
            if self.again:
                yield from self._offer(self.again.popleft())
            elif self.flying:
                yield None
            else:
                time.sleep(_STEP_SECONDS)
                self.store.refresh()
                yield from self._offer(self.elsewhere.popleft())

    def answered(self, offered: Iterator[Shard | None]) -> Iterator[Shard]:
        """Yield each shard that is done, while the teacher answers the others."""
        done: deque[Shard] = deque()

        def asked() -> Iterator[list[Ask] | None]:
            for shard in offered:
                if shard is None:
                    yield None
                elif shard.asks:
                    yield shard.asks
                else:
                    done.append(shard)

        wanted = self.wanted
        try:
            for responses in stages.sample(
                wanted.member, asked(), answer_format=wanted.answer_format
            ):
                self._keep(self.flying.popleft(), responses)
                while done:
                    yield done.popleft()
            yield from done
        finally:
            for shard in self.flying:
                shard.claim.close()

    def _offer(self, shard: Shard) -> Iterator[Shard]:
        shard.asks = self._asks(shard)
        if not shard.asks:
            yield shard
        elif not self._claimed(shard):
            self.elsewhere.append(shard)
        elif self._kept_meanwhile(shard):
            shard.claim.close()
            self.again.append(shard)
        else:
            self.flying.append(shard)
            yield shard

    def _asks(self, shard: Shard) -> list[Ask]:
        """Return what is missing, after as many rounds of wanting more as need no teacher."""
        most = self.wanted.samples or len(EVERY)
        while True:
            missing = [
                Ask(prompt=question.prompt, samples=samples)
                for question, settled, wanted in zip(
                    shard.questions, shard.settled, shard.counts, strict=True
                )
                for samples in self._missing(question.key, range(settled, wanted))
            ]
            if missing:
                return missing
            shard.settled = shard.counts
            shard.tried = self._tried(shard)
            more = [self.wanted.sampling.more(tried, most) for tried in shard.tried]
            if not any(more):
                return []
            shard.counts = [had + further for had, further in zip(shard.counts, more, strict=True)]

    def _missing(self, key: str, wanted: range) -> list[range]:
        """Return the numbers that the store lacks, as runs."""
        if not wanted:
            return []
        there = [sample for sample in self.store.samples(key) if sample in wanted]
        if wanted == EVERY:
            return [] if there else [EVERY]
        ends = [*there, wanted.stop]
        starts = [wanted.start, *(sample + 1 for sample in there)]
        gaps = (range(start, end) for start, end in zip(starts, ends, strict=True))
        return [gap for gap in gaps if gap]

    def _tried(self, shard: Shard) -> list[Tried]:
        """Return what the settled answers came to; those that are new are judged."""
        if self.wanted.judge is None:
            return [Tried(answers=settled, passed=0, failed=0) for settled in shard.settled]
        fresh = self.store.rows(
            [
                (question.key, range(tried.answers, settled))
                for question, tried, settled in zip(
                    shard.questions, shard.tried, shard.settled, strict=True
                )
            ]
        )
        answers = [
            (question.prompt, row.response(question.prompt.prompt_id, row.sample))
            for question, rows in zip(shard.questions, fresh, strict=True)
            for row in rows
        ]
        verdicts = (rows[-1].verdict for rows in self.wanted.judge(answers))
        return [
            _with(tried, settled, list(islice(verdicts, len(rows))))
            for tried, settled, rows in zip(shard.tried, shard.settled, fresh, strict=True)
        ]

    def _keep(self, shard: Shard, responses: Sequence[Response]) -> None:
        by_id = {question.prompt.prompt_id: question for question in shard.questions}
        self.store.add([stored(by_id[response.prompt_id], response) for response in responses])
        shard.claim.close()
        shard.settled = shard.counts
        self.again.append(shard)

    def _kept_meanwhile(self, shard: Shard) -> bool:
        """Return whether some of it is there since: whoever had the claim before has kept it."""
        self.store.refresh()
        keys = {question.prompt.prompt_id: question.key for question in shard.questions}
        return any(
            sample in ask.samples
            for ask in shard.asks
            for sample in self.store.samples(keys[ask.prompt.prompt_id])
        )

    def _claimed(self, shard: Shard) -> bool:
        """Return whether nobody else asks for the same; it is held until the shard is kept."""
        keys = {question.prompt.prompt_id: question.key for question in shard.questions}
        asked = [
            [keys[ask.prompt.prompt_id], ask.samples.start, ask.samples.stop] for ask in shard.asks
        ]
        return shard.claim.enter_context(self.store.claim(digest_of_json(asked)[:32]))


def _with(tried: Tried, answers: int, verdicts: Sequence[Verdict]) -> Tried:
    failed = sum(verdict in (Verdict.failed, Verdict.unparsed) for verdict in verdicts)
    return Tried(
        answers=answers,
        passed=tried.passed + verdicts.count(Verdict.passed),
        failed=tried.failed + failed,
    )
