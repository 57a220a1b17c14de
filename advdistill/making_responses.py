"""The maker of the pool: what the store of answers lacks is asked for, and all of it is frozen."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from advdistill.answers import AnswerFormat
from advdistill.errors import StageError
from advdistill.interfaces import EVERY, Judge, Member, Sampling, Teacher, Verifier, Watch
from advdistill.judging import open_judge
from advdistill.making import (
    SHARD_PROMPTS,
    Meta,
    batched,
    count_prompts,
    shard_file,
    stream_prompts,
)
from advdistill.pool.about import store_folder
from advdistill.pool.filling import Shard, Wanted, fill
from advdistill.pool.keys import Question, questions, store_about
from advdistill.pool.shards import Stored
from advdistill.pool.store import Store, open_store
from advdistill.records import Finish, Prompt, Response, Split
from advdistill.tables import write_rows

_SCRATCH = "scratch"
"""Where answers wait that are not kept for other runs; gone when the artefact is finished."""
_Counted = tuple[Question, int]
"""A prompt and how many answers of a teacher it has at most."""


@dataclass(frozen=True, kw_only=True)
class MakeResponses:
    """`shards/00000.parquet` and on: every answer to each prompt, in the order of the prompts.

    The answers lie in stores below `stores`, one for each teacher with its settings. An answer that
    is there is not asked for again, whichever run asked for it; a kill costs what was under way.
    """

    teacher: Teacher
    sampling: Sampling
    verifier: Verifier
    """For a sampling that reads verdicts."""
    answer_format: AnswerFormat
    prompts: Path
    stores: Path
    processes: int

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        folder = shard_file(draft, 0).parent
        shutil.rmtree(folder, ignore_errors=True)  # of a call that was killed
        folder.mkdir()
        with ExitStack() as stack:
            judge = stack.enter_context(self._judge())
            stores = [
                stack.enter_context(self._store(member, draft))
                for member, _ in self.teacher.members
            ]
            finishes = self._frozen(draft, stores, self._filled(stores, judge, watch))
        shutil.rmtree(draft / _SCRATCH, ignore_errors=True)
        kept = [store.folder.name for store in stores if store.folder.parent == self.stores]
        return {**self._meta(finishes), "stores": kept}

    def _judge(self) -> AbstractContextManager[Judge | None]:
        if not self.sampling.needs_verdicts:
            return nullcontext()
        return open_judge(self.verifier, self.answer_format, processes=self.processes)

    def _store(self, member: Member, draft: Path) -> AbstractContextManager[Store]:
        about = store_about(member, self.answer_format)
        root = self.stores if member.stored else draft / _SCRATCH
        return open_store(store_folder(root, about), about)

    def _filled(
        self, stores: Sequence[Store], judge: Judge | None, watch: Watch
    ) -> Iterator[_Counted]:
        """Yield every prompt in order, as soon as all its answers are there, with their number."""
        prompts = count_prompts(self.prompts, Split.train)
        sizes = [ceil(prompts / member.shard_prompts) for member, _ in self.teacher.members]
        for place, (store, (member, samples)) in enumerate(
            zip(stores, self.teacher.members, strict=True)
        ):
            wanted = Wanted(
                member=member,
                samples=samples,
                sampling=self.sampling,
                answer_format=self.answer_format,
                judge=judge,
            )
            before, last = sum(sizes[:place]), place == len(stores) - 1
            shards = _told(fill(store, self._questions(), wanted), store, watch, before, sum(sizes))
            for shard in _in_order(shards):
                if last:
                    yield from zip(shard.questions, shard.counts, strict=True)

    def _frozen(
        self, draft: Path, stores: Sequence[Store], filled: Iterable[_Counted]
    ) -> Counter[Finish]:
        """Write the artefact's shards, each as soon as it is whole."""
        finishes: Counter[Finish] = Counter()
        for number, counted in enumerate(batched(filled, SHARD_PROMPTS)):
            rows = self._responses(stores, counted)
            write_rows(shard_file(draft, number), Response, [rows])
            finishes.update(row.finish for row in rows)
        return finishes

    def _responses(self, stores: Sequence[Store], counted: Sequence[_Counted]) -> list[Response]:
        groups: list[list[Response]] = [[] for _ in counted]
        offset = 0
        for place, (store, (_, samples)) in enumerate(
            zip(stores, self.teacher.members, strict=True)
        ):
            # all but the last have as many as they are asked for: only one teacher is adaptive
            last = place == len(stores) - 1
            found = store.rows(
                [
                    (question.key, range(count if last else samples or EVERY.stop))
                    for question, count in counted
                ]
            )
            for group, (question, _), rows in zip(groups, counted, found, strict=True):
                prompt_id = question.prompt.prompt_id
                group.extend(row.response(prompt_id, offset + row.sample) for row in rows)
            offset += samples
        return [response for group in groups for response in group]

    def _meta(self, finishes: Counter[Finish]) -> Meta:
        total, prompts = finishes.total(), count_prompts(self.prompts, Split.train)
        if not total:
            raise StageError(
                "stage 'sample': the teacher gave no answer to any prompt; "
                "wanted some, or another data set"
            )
        parts = " + ".join(f"{finishes[finish]} {finish.value}" for finish in Finish)
        saved = prompts * self.teacher.samples - total if self.sampling.needs_verdicts else 0
        spared = f"; {saved} fewer than {self.teacher.samples} each" * bool(saved)
        return {
            "line": f"{total} answers to {prompts} prompts = {parts}{spared}",
            "answers": total,
            "saved": saved,
        }

    def _questions(self) -> Iterator[Question]:
        return questions(self._prompts, self.answer_format)

    def _prompts(self) -> Iterator[Prompt]:
        return stream_prompts(self.prompts, Split.train)


def _told(
    shards: Iterable[Shard], store: Store, watch: Watch, before: int, total: int
) -> Iterator[Shard]:
    """Yield the shards, after the watch has been told what their answers look like."""
    for done, shard in enumerate(shards, before + 1):
        asked = zip(shard.questions, shard.counts, strict=True)
        rows = store.rows([(question.key, range(count)) for question, count in asked])
        watch.report(_numbers([row for group in rows for row in group]), before + shard.number)
        watch.progress(done, total)
        yield shard


def _in_order(shards: Iterable[Shard]) -> Iterator[Shard]:
    """Yield the shards in the order of the prompts; one that is early waits for those before."""
    early: dict[int, Shard] = {}
    following = 0
    for shard in shards:
        early[shard.number] = shard
        while following in early:
            yield early.pop(following)
            following += 1


def _numbers(rows: Sequence[Stored]) -> dict[str, float]:
    counted = [row.tokens for row in rows if row.tokens is not None]
    logprobs = [row.logprob_mean for row in rows if row.logprob_mean is not None]
    numbers = {
        "answers": float(len(rows)),
        "truncated": sum(row.finish is Finish.length for row in rows) / max(len(rows), 1),
    }
    if counted:
        numbers["tokens_mean"] = sum(counted) / len(counted)
    if logprobs:
        numbers["logprob_mean"] = sum(logprobs) / len(logprobs)
    return numbers
