import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from advdistill.errors import ConfigError
from advdistill.interfaces import Scope, TokenBatch
from advdistill.objective.pairs import PairNormaliser
from advdistill.objective.simpo import SimPO
from tests.unit.objective.pairwise import summed
from tests.unit.objective.steps import Row, assert_agrees, batch, found, responses, step

OBJECTIVE = SimPO(
    normaliser=PairNormaliser.pairs, constant=1.0, beta=2.0, gamma=1.0, max_pairs=None
)


def pair_of(beta: float, gamma: float) -> Callable[[Row, Row], tuple[float, float, float]]:
    def pair(right: Row, wrong: Row) -> tuple[float, float, float]:
        mean_right = sum(right.logprobs) / len(right.logprobs)
        mean_wrong = sum(wrong.logprobs) / len(wrong.logprobs)
        missing = math.exp(-(beta * mean_right - beta * mean_wrong - gamma))
        slope = -beta * missing / (1 + missing)
        return math.log(1 + missing), slope / len(right.logprobs), -slope / len(wrong.logprobs)

    return pair


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("beta", "gamma"), [(2.0, 1.0), (0.5, 0.0), (10.0, 3.0)])
@pytest.mark.parametrize("normaliser", PairNormaliser)
def test_loss_and_slopes_are_those_of_the_formula(
    normaliser: PairNormaliser, beta: float, gamma: float, seed: int
) -> None:
    rows = step(seed)
    objective = replace(OBJECTIVE, normaliser=normaliser, beta=beta, gamma=gamma)
    assert_agrees(objective, rows, *summed(rows, normaliser, pair_of(beta, gamma)))


def test_the_margin_is_aimed_at_and_not_multiplied_by_beta() -> None:
    rows = [Row(logprobs=(-1.0, -1.0)), Row(logprobs=(-1.5,), right=False)]
    loss, _ = found(OBJECTIVE, rows)
    assert loss == pytest.approx(math.log(2))


@pytest.mark.parametrize("normaliser", PairNormaliser)
def test_autograd_agrees_with_differences(normaliser: PairNormaliser) -> None:
    objective = replace(OBJECTIVE, normaliser=normaliser)
    whole = batch(step(4))

    def loss(logprobs_N: torch.Tensor) -> torch.Tensor:
        return objective.loss(
            TokenBatch(
                logprobs_N=logprobs_N, response_N=whole.response_N, responses=whole.responses
            )
        )

    assert torch.autograd.gradcheck(loss, whole.logprobs_N)


def test_at_most_as_many_pairs_as_asked_count() -> None:
    rows = [Row(logprobs=(-1.0,), right=number < 2) for number in range(5)]
    objective = replace(OBJECTIVE, max_pairs=3, gamma=0.0)
    assert objective.denominator(responses(rows)) == 3
    assert found(objective, rows)[0] == pytest.approx(3 * math.log(2))


def test_it_wants_whole_prompts_and_no_other_model() -> None:
    assert OBJECTIVE.scope is Scope.step
    assert not OBJECTIVE.needs_reference
    assert not OBJECTIVE.needs_teacher


@pytest.mark.parametrize(
    ("name", "value"), [("constant", 0.0), ("beta", 0.0), ("gamma", -1.0), ("max_pairs", 0)]
)
def test_settings_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"'simpo': {name} is {value}; wanted"):
        replace(OBJECTIVE, **{name: value})
