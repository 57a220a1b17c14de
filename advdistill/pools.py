"""Pools of rows as arrays for the weightings, and weights back as rows.

Axes: `P` prompts, `G` samples per prompt.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advdistill.errors import StageError
from advdistill.interfaces import Example, RewardGroups
from advdistill.records import TOTAL, Prompt, Reference, Response, Reward, Verdict, Weight


def groups_of(responses: Sequence[Response], rewards: Sequence[Reward]) -> RewardGroups:
    """Return the rewards of a pool as arrays; groups may be ragged.

    Raises:
        StageError: a response has no total reward or more than one.
    """
    by_prompt: dict[str, list[Response]] = defaultdict(list)
    for response in responses:
        by_prompt[response.prompt_id].append(response)
    by_rule: dict[str, dict[tuple[str, int], Reward]] = defaultdict(dict)
    for reward in rewards:
        by_rule[reward.rule][reward.prompt_id, reward.sample] = reward
    totals = by_rule[TOTAL]
    keys = [(response.prompt_id, response.sample) for response in responses]
    count = sum(reward.rule == TOTAL for reward in rewards)
    if not count == len(totals) == len(keys) or any(key not in totals for key in keys):
        raise StageError(
            f"stage 'weigh': {count} total rewards for {len(keys)} responses; "
            "wanted exactly one each"
        )
    grid = _Grid(list(by_prompt.values()))
    return RewardGroups(
        prompt_ids=tuple(by_prompt),
        samples_PG=grid.fill(-1, lambda response: response.sample).astype(np.int64),
        rewards_PG=grid.values(totals),
        present_PG=grid.fill(0, lambda _: 1).astype(bool),
        passed_PG=grid.passed(totals),
        lengths_PG=grid.fill(0, _length).astype(np.int64),
        answer_ids_PG=grid.answer_ids(totals),
        text_ids_PG=grid.text_ids(),
        parts={rule: grid.values(found) for rule, found in by_rule.items() if rule != TOTAL},
    )


def weights_of(
    groups: RewardGroups, weights_PG: NDArray[np.float64], responses: Sequence[Response]
) -> list[Weight]:
    """Return one row per response, in the order of the responses."""
    row = {prompt_id: index for index, prompt_id in enumerate(groups.prompt_ids)}
    column: Counter[str] = Counter()
    weights: list[Weight] = []
    for response in responses:
        value = float(weights_PG[row[response.prompt_id], column[response.prompt_id]])
        column[response.prompt_id] += 1
        weights.append(Weight(prompt_id=response.prompt_id, sample=response.sample, value=value))
    return weights


@dataclass(frozen=True, kw_only=True)
class Pool:
    """The answers to the training prompts with all that was made of them."""

    prompts: Mapping[str, Prompt]
    responses: Sequence[Response]
    rewards: Sequence[Reward]
    weights: Sequence[Weight]
    references: Sequence[Reference] = ()
    """Empty where no objective asks for them."""


def examples_of(pool: Pool) -> list[Example]:
    """Return each response with its weight, those of weight 0 included.

    Raises:
        StageError: the weights, rewards or references are of another pool.
    """
    keys = {(response.prompt_id, response.sample) for response in pool.responses}
    value = {(row.prompt_id, row.sample): row.value for row in pool.weights}
    totals = [row for row in pool.rewards if row.rule == TOTAL]
    verdict = {(row.prompt_id, row.sample): row.verdict for row in totals}
    reference = {(row.prompt_id, row.sample): row.logprob_sum for row in pool.references}
    for name, found, count in (
        ("weights", value, len(pool.weights)),
        ("rewards", verdict, len(totals)),
        ("references", reference or keys, len(pool.references) or len(keys)),
    ):
        if set(found) != keys or not len(keys) == count == len(pool.responses):
            raise StageError(
                f"stage 'train': {count} {name} for {len(pool.responses)} responses, or of "
                f"other keys; wanted one of the {name} for each response"
            )
    return [
        Example(
            prompt=pool.prompts[response.prompt_id],
            response=response,
            weight=value[response.prompt_id, response.sample],
            right=verdict[response.prompt_id, response.sample] is Verdict.passed,
            reference=reference.get((response.prompt_id, response.sample)),
        )
        for response in pool.responses
    ]


@dataclass(frozen=True)
class _Grid:
    """Fills arrays of shape (P, G) from the responses of each prompt."""

    by_prompt_PG: list[list[Response]]

    def fill(self, absent: float, value: Callable[[Response], float]) -> NDArray[np.float64]:
        samples = max(map(len, self.by_prompt_PG), default=0)
        grid_PG = np.full((len(self.by_prompt_PG), samples), absent, dtype=np.float64)
        for row, responses in enumerate(self.by_prompt_PG):
            grid_PG[row, : len(responses)] = [value(response) for response in responses]
        return grid_PG

    def values(self, rewards: Mapping[tuple[str, int], Reward]) -> NDArray[np.float64]:
        def value(response: Response) -> float:
            reward = rewards.get((response.prompt_id, response.sample))
            return np.nan if reward is None or reward.value is None else reward.value

        return self.fill(np.nan, value)

    def passed(self, rewards: Mapping[tuple[str, int], Reward]) -> NDArray[np.bool_]:
        def value(response: Response) -> bool:
            return rewards[response.prompt_id, response.sample].verdict is Verdict.passed

        return self.fill(0, value).astype(bool)

    def answer_ids(self, rewards: Mapping[tuple[str, int], Reward]) -> NDArray[np.int64]:
        return self._numbered(lambda response: rewards[response.prompt_id, response.sample].answer)

    def text_ids(self) -> NDArray[np.int64]:
        return self._numbered(lambda response: response.text)

    def _numbered(self, value: Callable[[Response], str | None]) -> NDArray[np.int64]:
        numbers: dict[tuple[str, str], int] = {}

        def number(response: Response) -> int:
            found = value(response)
            if found is None:
                return -1
            return numbers.setdefault((response.prompt_id, found), len(numbers))

        return self.fill(-1, number).astype(np.int64)


def _length(response: Response) -> int:
    return len(response.text) if response.tokens is None else response.tokens
