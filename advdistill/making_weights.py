"""The maker of the weights of a pool, shard by shard where the weighting allows it.

Axes: `P` prompts, `G` samples per prompt.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advdistill import stages
from advdistill.budget import Budget
from advdistill.health import Tally
from advdistill.interfaces import Reach, RewardGroups, Watch, Weighting
from advdistill.making import Meta, shard_file, shard_files
from advdistill.pools import groups_of, joined, weights_of
from advdistill.records import Response, Reward, Weight
from advdistill.tables import read_table, write_tables

HEALTH = "health.json"


@dataclass(frozen=True, kw_only=True)
class MakeWeights:
    """`shards/00000.parquet` and on, one row per response, and `health.json`.

    There, `rights` holds by judged answers N how many prompts have 0, 1, ... N right ones.
    """

    weighting: Weighting
    budget: Budget
    responses: Path
    rewards: Path

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        (draft / "shards").mkdir(exist_ok=True)
        shards = len(shard_files(self.responses))
        answers, tally = 0, Tally.of(joined([]), np.zeros((0, 0)))
        weighed = self._whole if self.weighting.reach is Reach.pool else self._by_shard
        for number, (groups, weights_PG) in enumerate(weighed(shards)):
            scaled_PG = self.budget.scaled_PG(weights_PG)
            answers += self._write(draft, number, scaled_PG)
            tally += Tally.of(groups, scaled_PG)
            watch.progress(number + 1, shards)
        health = tally.health
        (draft / HEALTH).write_text(
            json.dumps({**health.numbers(), "rights": tally.rights_by_judged()}, indent=1) + "\n"
        )
        watch.report(health.numbers(), 0)
        return {"line": health.line(answers), "health": health.numbers()}

    def _by_shard(self, shards: int) -> Iterator[tuple[RewardGroups, NDArray[np.float64]]]:
        """Yield each shard with its weights, one in memory at a time."""
        for number in range(shards):
            groups = self._groups(number)
            yield groups, stages.weigh(self.weighting, groups)

    def _whole(self, shards: int) -> Iterator[tuple[RewardGroups, NDArray[np.float64]]]:
        """Yield the same, weighed together."""
        parts = [self._groups(number) for number in range(shards)]
        weights_PG = stages.weigh(self.weighting, joined(parts))
        for part, (start, stop) in zip(parts, _spans(parts), strict=True):
            yield part, weights_PG[start:stop, : part.rewards_PG.shape[1]]

    def _groups(self, number: int) -> RewardGroups:
        return groups_of(
            read_table(shard_file(self.responses, number), Response),
            read_table(shard_file(self.rewards, number), Reward),
        )

    def _write(self, draft: Path, number: int, weights_PG: NDArray[np.float64]) -> int:
        """Write the weights of a shard; return how many."""
        keys = read_table(shard_file(self.responses, number), Response, ["prompt_id", "sample"])
        return write_tables(shard_file(draft, number), Weight, [weights_of(weights_PG, keys)])


def _spans(parts: Sequence[RewardGroups]) -> Iterator[tuple[int, int]]:
    """Yield where the prompts of each part begin and end in the whole."""
    return pairwise(accumulate((len(part.prompt_ids) for part in parts), initial=0))
