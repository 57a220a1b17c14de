"""Every weighting and every objective trains the tiny student a few steps, the way it says.

Three prompts with 1, 4 and 7 of 8 answers right. Right and wrong answers share no token but the
last, so that learning the ones does not teach the others.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from advdistill.interfaces import Example, Objective, Weighting
from tests.builders import groups, options
from tests.contract.components import component
from tests.tiny import example, tiny_model
from tests.unit.student.students import job, student

RIGHT = (1, 4, 7)
POOL = groups(*[[1.0] * right + [0.0] * (8 - right) for right in RIGHT])
STEPS = 4

# Where mean log-probs of right and of wrong answers go: up, down, or 0 where the method does not
# say. Wrong answers that are left out rise a little with the end of an answer, or fall.
WEIGHTINGS = {
    "uniform": (1, 1),
    "correct_only": (1, 0),
    "positive": (1, 0),
    "best_of_n": (1, 0),
    "difficulty": (1, 0),
    "softmax": (1, 0),
    "awr": (1, 0),
    "rwr": (1, 0),
    "relu_advantage": (1, 0),
    "all_wrong": (0, 1),
    "one_random": (0, 0),
    "shuffled": (0, 0),
    "matched_random": (0, 0),
    # with unlikelihood on negative weights, the default
    "advantage": (1, 0),
    "no_std": (1, 0),
    "batch_std": (1, 0),
    "rloo": (1, 0),
    "rank": (1, 0),
    "gdpo": (1, 0),
    "shifted": (1, 0),
    "redi": (1, 0),
    "negative": (0, -1),
    "w_reinforce": (0, -1),
}
PULL = {
    **dict.fromkeys(set(WEIGHTINGS) - {"uniform", "one_random", "shuffled", "matched_random"}, 1),
    "all_wrong": -1,
}
"""Whether right answers gain on wrong ones (1) or lose (-1), where the method says."""

OBJECTIVES = {
    "weighted_nll": "advantage",
    "nll_drop": "advantage",
    "length_normalised": "softmax",
    "signed_nll": "advantage",
    "asymre": "shifted",
    "dft": "correct_only",
    "dft_weighted": "advantage",
    "redi": "uniform",
    "topr": "advantage",
    "topr_mean": "advantage",
    "dpo": "uniform",
    "rpo": "uniform",
    "simpo": "uniform",
    "kto": "uniform",
}
"""Each with a weighting that suits it; under all of them right answers gain on wrong ones."""


def pool(weights_PG: np.ndarray) -> list[Example]:
    found = []
    for number, right in enumerate(RIGHT):
        for sample in range(8):
            word = "yes" if sample < right else "NOT"
            one = example(number, sample, weight=weights_PG[number, sample], text=word * 3)
            found.append(replace(one, right=sample < right))
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that has seen all the answers: at random ones unlikelihood is all but 0."""
    folder = tmp_path_factory.mktemp("base")
    known = student(tiny_model(folder / "random"), max_steps=25)
    known.train(
        component("objective", "weighted_nll"), pool(np.ones((3, 8))), folder=folder, job=job()
    )
    return str(folder / "model")


def moved(
    base: str, folder: Path, weighting: Weighting, objective: Objective
) -> tuple[np.ndarray, list[Example]]:
    """Return by how much each answer's mean log-prob rose over a few steps."""
    examples = pool(weighting.weigh(POOL))
    before = logprobs(base, examples)
    known = [replace(one, reference=value) for one, value in zip(examples, before, strict=True)]
    one = student(base, max_steps=STEPS, batch_prompts=3, learning_rate=2e-4, warmup=0.0)
    one.train(objective, known, folder=folder, job=job())
    after = logprobs(str(folder / "model"), examples)
    return (np.array(after) - np.array(before)) / 10, examples  # nine letters and the end


def logprobs(model: str, examples: Sequence[Example]) -> list[float]:
    return [float(value or 0.0) for value in student(model).refer(examples, job=job())]


def rises(rise: np.ndarray, examples: Sequence[Example]) -> tuple[float, float]:
    right = np.array([one.right for one in examples])
    return float(rise[right].mean()), float(rise[~right].mean())


def test_every_option_is_here() -> None:
    assert set(WEIGHTINGS) == set(options("weighting"))
    assert set(OBJECTIVES) == set(options("objective"))


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_a_weighting_moves_answers_where_its_weights_point(
    base: str, tmp_path: Path, name: str
) -> None:
    weighting, objective = component("weighting", name), component("objective", "weighted_nll")
    rise, examples = moved(base, tmp_path, weighting, objective)
    weights = np.array([one.weight for one in examples])
    assert (weights * rise).sum() > 0
    for found, wanted in zip(rises(rise, examples), WEIGHTINGS[name], strict=True):
        assert found * wanted >= 0
        assert found != 0
    right, wrong = rises(rise, examples)
    assert (right - wrong) * PULL.get(name, 0) >= 0


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_objective_parts_right_answers_from_wrong_ones(
    base: str, tmp_path: Path, name: str
) -> None:
    objective = component("objective", name)
    if objective.objection(signed=True) is not None:
        objective = replace(objective, allow_unbounded=True)
    rise, examples = moved(base, tmp_path, component("weighting", OBJECTIVES[name]), objective)
    right, wrong = rises(rise, examples)
    assert right - wrong > 1e-4
