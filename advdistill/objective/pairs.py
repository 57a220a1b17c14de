"""Pairs of a right and a wrong answer to one prompt.

Axes: `B` responses, `P` prompts, `R` right and `W` wrong responses, `K` pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from advdistill.interfaces import Responses
from advdistill.objective.prompts import places_B

if TYPE_CHECKING:
    import torch


class PairNormaliser(StrEnum):
    """What the sum over the pairs of one optimizer step is divided by."""

    pairs = "pairs"
    """Their number: a prompt with half of its answers right has most pairs and counts most."""
    prompts = "prompts"
    """The number of prompts that have a pair, each one's losses being averaged first."""
    constant = "constant"
    """A fixed number."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Right and wrong responses to the same prompt, by their places among the responses."""

    right_K: torch.Tensor
    wrong_K: torch.Tensor
    prompt_K: torch.Tensor
    number_P: torch.Tensor
    """Pairs of each prompt."""


def pairs_of(responses: Responses, max_pairs: int | None) -> Pairs:
    """Return right times wrong among the responses of weight other than 0, or as many as asked.

    Where there are more, each right and each wrong answer of a prompt is in as many pairs as any
    other on its side, give or take one. Which pairs these are depends on the order of the
    responses.
    """
    prompts_B = places_B(responses.groups_B)
    counted_B = responses.weights_B != 0
    right_R = _by_prompt(counted_B & responses.right_B, prompts_B)
    wrong_W = _by_prompt(counted_B & ~responses.right_B, prompts_B)
    rights_P = prompts_B[right_R].bincount(minlength=len(prompts_B))
    wrongs_P = prompts_B[wrong_W].bincount(minlength=len(prompts_B))
    number_P = rights_P * wrongs_P
    if max_pairs is not None:
        number_P = number_P.clamp(max=max_pairs)
    prompt_K = _counting(number_P).repeat_interleave(number_P)
    turn_K = _counting(prompt_K) - _starts(number_P)[prompt_K]
    # Both sides are dealt round and round. After as many turns as their least common multiple the
    # same pairs would come again; one side then starts a place further on.
    shift_K = turn_K // rights_P.lcm(wrongs_P)[prompt_K]
    right_K = turn_K % rights_P[prompt_K]
    wrong_K = (turn_K + shift_K) % wrongs_P[prompt_K]
    return Pairs(
        right_K=right_R[_starts(rights_P)[prompt_K] + right_K],
        wrong_K=wrong_W[_starts(wrongs_P)[prompt_K] + wrong_K],
        prompt_K=prompt_K,
        number_P=number_P,
    )


def weights_K(pairs: Pairs, responses: Responses, normaliser: PairNormaliser) -> torch.Tensor:
    """Return what the loss of each pair is multiplied by.

    Reconstruction: |w| of the right answer times |w| of the wrong one, which is 1 under uniform
    weights. The verifier says which is which, so that the sign of a weight has no say.
    """
    sizes_B = responses.weights_B.abs()
    sizes_K = sizes_B[pairs.right_K] * sizes_B[pairs.wrong_K]
    if normaliser is PairNormaliser.prompts:
        return sizes_K / pairs.number_P[pairs.prompt_K]
    return sizes_K


def denominator(pairs: Pairs, normaliser: PairNormaliser, constant: float) -> float:
    """Return what the sum over the pairs is divided by; 0 where there is none."""
    if not len(pairs.prompt_K):
        return 0.0
    return {
        PairNormaliser.pairs: float(len(pairs.prompt_K)),
        PairNormaliser.prompts: float((pairs.number_P > 0).sum()),
        PairNormaliser.constant: constant,
    }[normaliser]


def _by_prompt(chosen_B: torch.Tensor, prompts_B: torch.Tensor) -> torch.Tensor:
    places = chosen_B.nonzero().squeeze(1)
    return places[prompts_B[places].argsort(stable=True)]


def _counting(numbers: torch.Tensor) -> torch.Tensor:
    return numbers.new_ones(len(numbers)).cumsum(0) - 1


def _starts(number_P: torch.Tensor) -> torch.Tensor:
    return number_P.cumsum(0) - number_P
