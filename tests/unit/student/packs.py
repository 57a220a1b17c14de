"""Rows with random tokens, and passes over them."""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from advdistill.interfaces import Packing
from advdistill.student.attention import tree_attention
from advdistill.student.batches import HeldTokens, Row
from advdistill.student.forward import PassLoss
from advdistill.student.packing import MicroBatch, Tree, micro_batches

VOCABULARY = 61

Group = tuple[int, Sequence[int]]
"""Tokens of a prompt and of each of its responses."""


def rows_of(groups: Sequence[Group], *, seed: int = 0) -> list[Row]:
    """Return the rows of all groups, one group after another."""
    generator = np.random.default_rng(seed)
    rows = []
    for number, (prompt_tokens, responses) in enumerate(groups):
        prompt = generator.integers(0, VOCABULARY, prompt_tokens)
        for sample, tokens in enumerate(responses):
            answer = generator.integers(0, VOCABULARY, tokens)
            rows.append(
                Row(
                    prompt_id=f"group/{number}",
                    sample=sample,
                    tokens=HeldTokens(
                        ids=np.concatenate([prompt, answer]).astype(np.int32),
                        prompt_tokens=prompt_tokens,
                    ),
                    length=prompt_tokens + tokens,
                    weight=1.0,
                    right=True,
                    teacher=None,
                    reference=None,
                )
            )
    return rows


def trees_of(groups: Sequence[Group]) -> tuple[Tree, ...]:
    """Return a tree for each group, one behind the other."""
    trees, start = [], 0
    for prompt_tokens, responses in groups:
        tree = Tree(start=start, prompt_tokens=prompt_tokens, response_tokens=tuple(responses))
        trees.append(tree)
        start += tree.tokens
    return tuple(trees)


def passes_over(
    model: PreTrainedModel, rows: Sequence[Row], packing: Packing, row_tokens: int = 10**6
) -> list[tuple[MicroBatch, torch.Tensor]]:
    """Return each pass with its logprobs_N, and leave the gradient of a weighted sum of them.

    Each response has a weight of its own, so that responses taken for one another show.
    """
    weights_B = torch.linspace(-1, 2, len(rows))
    found = []
    model.zero_grad()
    with tree_attention(model, packing):
        for batch in micro_batches(rows, packing=packing, row_tokens=row_tokens):
            weights_N = weights_B.to(model.dtype)[batch.response_N]
            loss, logprobs_N = PassLoss(model)(
                batch,
                lambda logprobs_N, part, weights_N=weights_N: (weights_N[part] * logprobs_N).sum(),
            )
            assert loss is not None
            loss.backward()
            found.append((batch, logprobs_N))
    return found


def by_response(found: Sequence[tuple[MicroBatch, torch.Tensor]]) -> torch.Tensor:
    """Return the log-probs of all passes in the order of the rows."""
    response_N = torch.cat([batch.response_N for batch, _ in found])
    return torch.cat([logprobs_N for _, logprobs_N in found])[response_N.argsort(stable=True)]
