"""Rows, groups and configurations for the tests."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from hydra import compose, initialize_config_dir
from numpy.typing import NDArray
from omegaconf import DictConfig

from advdistill.interfaces import Ask, RewardGroups
from advdistill.records import (
    AnswerKind,
    Finish,
    Item,
    Prompt,
    Response,
    Reward,
    Split,
    Verdict,
)

CONF = Path(__file__).parents[1] / "conf"
_VALUES = {Verdict.passed: 1.0, Verdict.failed: 0.0, Verdict.unparsed: 0.0}


def asks(prompts: Iterable[Prompt], samples: range) -> list[Ask]:
    """Return a shard that asks each prompt for answers of these numbers."""
    return [Ask(prompt=one, samples=samples) for one in prompts]


def prompt(
    prompt_id: str = "p/train/0",
    *,
    question: str = "1 + 1?",
    answer: str = "2",
    split: Split = Split.train,
) -> Prompt:
    """Return a problem whose answer is a number."""
    return Prompt(
        prompt_id=prompt_id,
        split=split,
        question=question,
        answer=answer,
        kind=AnswerKind.number,
    )


def response(
    prompt_id: str = "p/train/0",
    sample: int = 0,
    *,
    text: str = "#### 2",
    tokens: int | None = 3,
    finish: Finish = Finish.stop,
) -> Response:
    """Return an answer of a scripted teacher."""
    return Response(
        prompt_id=prompt_id,
        sample=sample,
        text=text,
        tokens=tokens,
        finish=finish,
        teacher="scripted",
    )


def reward(
    prompt_id: str = "p/train/0",
    sample: int = 0,
    *,
    verdict: Verdict = Verdict.passed,
    rule: str = "total",
    answer: str | None = None,
) -> Reward:
    """Return a rule's row with the value that the verdict carries."""
    return Reward(
        prompt_id=prompt_id,
        sample=sample,
        rule=rule,
        value=_VALUES.get(verdict),
        verdict=verdict,
        answer=answer,
    )


def item(item_id: str, verdict: Verdict = Verdict.passed, *, finish: Finish = Finish.stop) -> Item:
    """Return an evaluated problem."""
    return Item(
        task="t",
        item_id=item_id,
        sample=0,
        verdict=verdict,
        answer=None,
        response="",
        finish=finish,
    )


def groups(*rows: Sequence[float], present_PG: NDArray[np.bool_] | None = None) -> RewardGroups:
    """Return the rewards as groups; shorter rows are padded, NaN means unknown and 1 passes."""
    width = max(map(len, rows))
    rewards_PG = np.array([[*row, *[np.nan] * (width - len(row))] for row in rows])
    if present_PG is None:
        present_PG = np.array([[True] * len(row) + [False] * (width - len(row)) for row in rows])
    return RewardGroups(
        prompt_ids=tuple(f"p/train/{number}" for number in range(len(rows))),
        samples_PG=np.where(present_PG, np.arange(width), -1),
        rewards_PG=rewards_PG,
        present_PG=present_PG,
        passed_PG=present_PG & (rewards_PG >= 1),
        lengths_PG=present_PG.astype(np.int64),
        answer_ids_PG=np.where(present_PG, 0, -1),
        text_ids_PG=np.where(present_PG, np.arange(width), -1),
        parts={},
    )


def binary(right: int, samples: int = 8) -> RewardGroups:
    """Return one group in which the first `right` answers are right."""
    return groups([1.0] * right + [0.0] * (samples - right))


def composed(*overrides: str) -> DictConfig:
    """Return the configuration as `python run.py` with these arguments composes it."""
    return deepcopy(_composed(overrides))


@cache
def _composed(overrides: tuple[str, ...]) -> DictConfig:
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        return compose("config", overrides=list(overrides))


def options(group: str) -> list[str]:
    """Return the names of a group's YAML files."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@dataclass
class Watched:
    """A watch that keeps what it is told."""

    reports: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    steps: list[tuple[int, int]] = field(default_factory=list)

    def report(self, numbers: Mapping[str, float], step: int) -> None:
        self.reports.append((step, dict(numbers)))

    def progress(self, done: int, total: int) -> None:
        self.steps.append((done, total))


def rows_of(*shards: Iterable[Response]) -> list[Response]:
    """Return the shards' rows in one list."""
    return [row for shard in shards for row in shard]
