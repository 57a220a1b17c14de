"""One process's share of an optimizer step, and the sums over all of them.

Axes: `N` response tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import astuple, dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

import torch
from torch.nn.parallel import DistributedDataParallel

from advdistill.interfaces import Objective, Scope, TrainingJob
from advdistill.student.attention import tree_attention
from advdistill.student.batches import Row
from advdistill.student.compiled import compiled_layers
from advdistill.student.gradient import StepLoss, accumulate, responses_of
from advdistill.student.head import TokenLoss
from advdistill.student.packing import MicroBatch, micro_batches
from advdistill.student.zero import Zero

if TYPE_CHECKING:
    from advdistill.student.loading import Base


def deal(rows: Sequence[Row], size: int) -> list[list[Row]]:
    """Return the rows of each process: whole prompts, as even in tokens as whole ones allow.

    The prompt with most tokens goes first, each to whoever has fewest; rows keep their order.
    """
    costs: dict[str, int] = {}
    for name, group in groupby(rows, key=lambda row: row.prompt_id):
        members = list(group)
        costs[name] = members[0].prompt_tokens + sum(row.response_tokens for row in members)
    owners: dict[str, int] = {}
    loads = [0] * size
    for name in sorted(costs, key=lambda name: (-costs[name], name)):
        owners[name] = loads.index(min(loads))
        loads[owners[name]] += costs[name]
    return [[row for row in rows if owners[row.prompt_id] == rank] for rank in range(size)]


def gradient_of(
    base: Base, rows: Sequence[Row], *, objective: Objective, denominator: float, job: TrainingJob
) -> StepLoss:
    """Return the loss of the rows of a step and add its gradient to the parameters.

    Every process is given all rows and does its share. Each makes as many passes as the one with
    most: they share parameters and gradients pass by pass, so nobody may be missing.
    """
    world = base.world
    own = deal(rows, world.size)[world.rank]
    passes = _passes(own, base, job.row_tokens) if own else []
    number = world.most(len(passes))
    (blank,) = _passes([min(rows, key=lambda row: row.length)], base, job.row_tokens)
    forward = _Forward(base=base, passes=number, blank=blank)
    passes += [forward.nothing] * (number - len(passes))
    # adapters are compiled layer by layer, each anew, which no training makes up for
    compiles = job.compile and base.student.adapter is None
    layers = compiled_layers(base.model) if compiles else nullcontext()
    with tree_attention(base.model, base.packing), layers:
        found = (
            accumulate(
                forward,
                responses_of(own),
                passes,
                objective=objective,
                denominator=denominator,
                backward=forward.backward,
            )
            if own
            else _idle(forward, passes, objective.scope)
        )
    return _summed(found, base)


def _passes(rows: Sequence[Row], base: Base, row_tokens: int) -> list[MicroBatch]:
    made = micro_batches(rows, packing=base.packing, row_tokens=row_tokens)
    return [batch.to(base.accelerator.device) for batch in made]


@dataclass(kw_only=True, eq=False)
class _Forward:
    """The passes of a step as `accumulate` calls them."""

    base: Base
    passes: int
    """How many have a gradient."""
    blank: MicroBatch
    """Any tokens: the body of a pass that stands for nothing."""
    done: int = 0

    def __post_init__(self) -> None:
        none = slice(0, 0)
        self.nothing = replace(
            self.blank,
            predicting_N=self.blank.predicting_N[none],
            targets_N=self.blank.targets_N[none],
            response_N=self.blank.response_N[none],
        )
        """A pass without a response token, for a process that has fewer passes than another."""

    def __call__(
        self, batch: MicroBatch, token_loss: TokenLoss | None
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        if token_loss is not None:
            self.done += 1
            self._announce(last=self.done == self.passes)
        if batch is not self.nothing:
            return self.base.forward(batch, token_loss)
        zero = None if token_loss is None else _no_loss
        loss, logprobs_N = self.base.forward(self.blank, zero)
        return loss, logprobs_N[:0]

    def backward(self, loss: torch.Tensor) -> None:
        """Add the gradient of a pass: it is averaged over the processes, but theirs is a sum."""
        whole, module = loss * self.base.world.size, self.base.module
        module.backward(whole) if isinstance(module, Zero) else whole.backward()

    def _announce(self, *, last: bool) -> None:
        module = self.base.module
        if isinstance(module, DistributedDataParallel):
            # What `no_sync` sets: gradients are exchanged once, in the last pass. Sharded ones
            # are in each, as a whole gradient would have to be held otherwise.
            module.require_backward_grad_sync = last
        elif isinstance(module, Zero):
            module.expect(last=last)


def _no_loss(logprobs_N: torch.Tensor, part: slice) -> torch.Tensor:  # noqa: ARG001 - `TokenLoss`
    return (logprobs_N * 0).sum()


def _idle(forward: _Forward, passes: Sequence[MicroBatch], scope: Scope) -> StepLoss:
    """Take part in a step in which this process has no prompt of its own."""
    if scope is Scope.step:
        for batch in passes:
            forward(batch, None)
    for batch in passes:
        loss, _ = forward(batch, _no_loss)
        assert loss is not None, "a pass with a token loss has one"
        forward.backward(loss)
    return StepLoss(loss=0.0, tokens=0, right_logprob=0.0, right=0, wrong_logprob=0.0, wrong=0)


def _summed(found: StepLoss, base: Base) -> StepLoss:
    loss, tokens, right_logprob, right, wrong_logprob, wrong = base.world.summed(astuple(found))
    return StepLoss(
        loss=loss,
        tokens=int(tokens),
        right_logprob=right_logprob,
        right=int(right),
        wrong_logprob=wrong_logprob,
        wrong=int(wrong),
    )
