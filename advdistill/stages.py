"""The stages: pure functions from rows to rows.

dataset -> prompts -> responses -> rewards -> weights -> student -> scores

Axes: `P` prompts, `G` samples per prompt.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advdistill.answers import AnswerFormat
from advdistill.errors import DataError, StageError
from advdistill.interfaces import (
    Ask,
    Dataset,
    Evaluation,
    Example,
    Judge,
    Member,
    Objective,
    RewardGroups,
    Student,
    Tokenise,
    TrainingJob,
    Watch,
    Weighting,
)
from advdistill.records import (
    TOTAL,
    Finish,
    Item,
    Prompt,
    Reference,
    Response,
    Reward,
    Score,
    Split,
    Verdict,
)

VERSIONS = {
    "load": 3,
    "check": 2,
    "decontaminate": 2,
    "sample": 2,
    "judge": 3,
    "weigh": 3,
    "tokenise": 1,
    "refer": 3,
    "train": 3,
    "evaluate": 2,
}
"""Raised when a change of code changes a stage's numbers or the layout of its files."""


def load(dataset: Dataset, *, needed: Split = Split.train) -> dict[Split, list[Prompt]]:
    """Return the prompts of each split.

    Raises:
        DataError: two prompts share an id, or the needed split is empty.
    """
    splits: dict[Split, list[Prompt]] = {split: [] for split in Split}
    seen: set[str] = set()
    for prompt in dataset.load():
        if prompt.prompt_id in seen:
            raise DataError(
                f"dataset '{dataset.name}': the prompt id '{prompt.prompt_id}' occurs twice; "
                "wanted every id once; name a column of unique ids or drop the copy"
            )
        seen.add(prompt.prompt_id)
        splits[prompt.split].append(prompt)
    if not splits[needed]:
        raise DataError(
            f"dataset '{dataset.name}' has no {needed.value} prompt; wanted at least one"
        )
    return splits


def check(
    judge: Judge, prompts: Sequence[Prompt], *, answer_format: AnswerFormat
) -> list[tuple[Prompt, Reward]]:
    """Return the prompts whose own gold answer, written out, does not pass, and why not."""
    golds = [
        Response(
            prompt_id=prompt.prompt_id,
            sample=0,
            text=answer_format.write(prompt.answer),
            tokens=len(answer_format.write(prompt.answer).encode()),  # no more than its bytes
            finish=Finish.stop,
            teacher="gold",
        )
        for prompt in prompts
    ]
    totals = [rows[-1] for rows in judge(list(zip(prompts, golds, strict=True)))]
    pairs = zip(prompts, totals, strict=True)
    return [(prompt, total) for prompt, total in pairs if total.verdict is not Verdict.passed]


def sample(
    teacher: Member, shards: Iterable[Sequence[Ask] | None], *, answer_format: AnswerFormat
) -> Iterator[list[Response]]:
    """Yield the responses of each shard, in the order of the shards; see `Member.sample`.

    Raises:
        StageError: a shard comes back with a row too many, too few, twice, or for another prompt,
            or the teacher gives another number of shards.
    """
    waiting: deque[Sequence[Ask]] = deque()

    def noted() -> Iterator[Sequence[Ask] | None]:
        for asks in shards:
            if asks is not None:
                waiting.append(asks)
            yield asks
        waiting.append(())  # behind the last one

    for responses in teacher.sample(noted(), answer_format=answer_format):
        asks = waiting.popleft() if waiting else ()
        if not asks:
            raise _other_number("more")
        _check_shard(asks, responses, whole=teacher.stored)
        yield responses
    if list(waiting) != [()]:
        raise _other_number("fewer")


def judge(
    rewards_of: Judge, prompts: Mapping[str, Prompt], responses: Iterable[Sequence[Response]]
) -> Iterator[list[Reward]]:
    """Yield the rewards of each shard: for every response the rows of each rule and one total."""
    for shard in responses:
        answers = [(prompts[response.prompt_id], response) for response in shard]
        yield list(chain.from_iterable(rewards_of(answers)))


def weigh(weighting: Weighting, groups: RewardGroups) -> NDArray[np.float64]:
    """Return weights_PG.

    Raises:
        StageError: a weight is not finite, or an absent or unknown sample has one.
    """
    weights_PG = weighting.weigh(groups)
    if weights_PG.shape != groups.rewards_PG.shape or not np.isfinite(weights_PG).all():
        raise StageError(
            f"stage 'weigh': {type(weighting).__name__} gave weights of shape {weights_PG.shape} "
            f"with {int((~np.isfinite(weights_PG)).sum())} not finite; wanted finite ones of "
            f"shape {groups.rewards_PG.shape}"
        )
    if weights_PG[~groups.known_PG].any():
        raise StageError(
            f"stage 'weigh': {type(weighting).__name__} weighs samples that are absent or "
            "whose reward is unknown; wanted 0 there"
        )
    return weights_PG


def tokenise(
    token_ids: Tokenise, prompts: Sequence[Prompt], answers: Sequence[str]
) -> tuple[list[list[int]], list[list[int]]]:
    """Return the token ids of each prompt and of each answer.

    Raises:
        StageError: those of another number of texts come back.
    """
    asked, answered = token_ids(prompts, answers)
    if (len(asked), len(answered)) != (len(prompts), len(answers)):
        raise StageError(
            f"stage 'tokenise': the token ids of {len(asked)} prompts and {len(answered)} answers "
            f"came back for {len(prompts)} and {len(answers)}; wanted those of each"
        )
    return asked, answered


def refer(student: Student, examples: Sequence[Example], *, job: TrainingJob) -> list[Reference]:
    """Return what the base student makes of every response.

    Raises:
        StageError: another number of log-probs comes back, or one is not finite.
    """
    found = student.refer(examples, job=job)
    odd = [value for value in found if value is not None and not isfinite(value)]
    if len(found) != len(examples) or odd:
        raise StageError(
            f"stage 'refer': {len(found)} log-probs came back for {len(examples)} responses, "
            f"{len(odd)} of them not finite; wanted a finite one, or None, for each"
        )
    return [
        Reference(
            prompt_id=example.prompt_id,
            sample=example.sample,
            logprob_sum=logprob_sum,
        )
        for example, logprob_sum in zip(examples, found, strict=True)
    ]


def train(
    student: Student,
    objective: Objective,
    examples: Sequence[Example],
    *,
    folder: Path,
    job: TrainingJob,
) -> None:
    """Leave a trained model in `folder/model`."""
    student.train(objective, examples, folder=folder, job=job)


def evaluate(
    evaluation: Evaluation,
    model: str,
    prompts: Sequence[Prompt],
    *,
    revision: str | None,
    judge: Judge,
    answer_format: AnswerFormat,
    watch: Watch,
) -> tuple[list[Score], list[Item]]:
    """Return the scores and `samples` items for every prompt.

    Raises:
        StageError: an item is missing or counted twice.
    """
    scores, items = evaluation.evaluate(
        model,
        prompts,
        revision=revision,
        judge=judge,
        answer_format=answer_format,
        watch=watch,
    )
    wanted = Counter(
        (prompt.prompt_id, sample) for prompt in prompts for sample in range(evaluation.samples)
    )
    if Counter((item.item_id, item.sample) for item in items) != wanted:
        raise StageError(
            f"stage 'evaluate': {len(items)} items came back for {len(prompts)} prompts; "
            f"wanted each of {evaluation.samples} answers to every prompt exactly once"
        )
    return scores, items


def conservation(rewards: Iterable[Reward]) -> dict[str, int]:
    """Return how many answers got each verdict under the total rule."""
    verdicts = Counter(reward.verdict for reward in rewards if reward.rule == TOTAL)
    return {verdict.value: verdicts[verdict] for verdict in Verdict}


def _other_number(found: str) -> StageError:
    return StageError(
        f"stage 'sample': the teacher gave {found} shards than it was asked for; wanted one list "
        "of responses for each, in their order"
    )


def _check_shard(asks: Sequence[Ask], responses: Sequence[Response], *, whole: bool) -> None:
    wanted: dict[str, list[range]] = {}
    for ask in asks:
        wanted.setdefault(ask.prompt.prompt_id, []).append(ask.samples)
    keys = Counter((response.prompt_id, response.sample) for response in responses)
    twice = [key for key, count in keys.items() if count > 1]
    stray = [key for key in keys if not any(key[1] in s for s in wanted.get(key[0], []))]
    if twice or stray:
        raise StageError(
            f"stage 'sample': the teacher answered {(twice or stray)[0]}, which was not asked for "
            f"or twice; wanted of each of {len(wanted)} prompts the sample numbers asked for, once "
            "each"
        )
    asked = sum(len(ask.samples) for ask in asks) if whole else len(keys)
    if len(keys) < asked:
        raise StageError(
            f"stage 'sample': the teacher gave {len(keys)} answers of {asked} (first prompt: "
            f"{asks[0].prompt.prompt_id}); wanted a row for each, with finish `error` where there "
            "is no answer"
        )
