"""Right answers, by how hard their prompt is."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from advdistill.groups import right_PG
from advdistill.interfaces import Reach, RewardGroups


class Emphasis(StrEnum):
    """What a right answer weighs where the share p of the prompt's judged answers is right."""

    one = "one"
    """1: prompts count as often as they were answered rightly, as in `correct_only`."""
    hard = "hard"
    """1 - p: nothing where all are right."""
    middle = "middle"
    """4 p (1 - p): most where half are right, nothing where all are."""
    even = "even"
    """1 / p: the right answers of each prompt sum to the number of its judged answers."""


@dataclass(frozen=True, kw_only=True)
class Difficulty:
    """A weight for the prompt times 1 for right and 0 for wrong answers.

    Reconstruction: DART-Math, arXiv 2407.13690, samples until every prompt has as many right
    answers as its difficulty asks for; on a fixed pool these weights stand in for that, `even` for
    its uniform and `hard` for its difficulty-proportional rule.
    """

    emphasis: Emphasis

    @property
    def reach(self) -> Reach:
        """How much of the pool a prompt's weights depend on."""
        return Reach.group

    @property
    def signed(self) -> bool:
        """Whether a weight can be below 0."""
        return False

    def weigh(self, groups: RewardGroups) -> NDArray[np.float64]:
        """Return weights_PG, none below 0."""
        answers_PG = right_PG(groups)
        right_P1 = answers_PG.sum(1, keepdims=True)
        judged_P1 = groups.known_PG.sum(1, keepdims=True)
        share_P1 = right_P1 / np.maximum(judged_P1, 1)
        weight_P1 = {
            Emphasis.one: np.ones_like(share_P1),
            Emphasis.hard: 1 - share_P1,
            Emphasis.middle: 4 * share_P1 * (1 - share_P1),
            Emphasis.even: judged_P1 / np.maximum(right_P1, 1),
        }[self.emphasis]
        return np.where(answers_PG, weight_P1, 0.0)
