"""Loss and gradient of one optimizer step, pass by pass.

Axes: `B` responses of the step, `N` response tokens, one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import torch

from advdistill.interfaces import Objective, Responses, Scope, TokenBatch
from advdistill.student.batches import Row
from advdistill.student.head import TokenLoss
from advdistill.student.packing import MicroBatch

Forward = Callable[[MicroBatch, TokenLoss | None], tuple[torch.Tensor | None, torch.Tensor]]
"""Gives back the loss and logprobs_N of a pass, as `PassLoss` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLoss:
    """The sums of one step whose gradient has been summed; those of several processes add up."""

    loss: float
    tokens: int
    right_logprob: float
    """Sum over the right responses of their mean log-prob."""
    right: int
    wrong_logprob: float
    wrong: int


def responses_of(rows: Sequence[Row]) -> Responses:
    """Return what is known of the rows beside their tokens, on the CPU."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(r.prompt_id for r in rows))}
    return Responses(
        weights_B=torch.tensor([row.weight for row in rows], dtype=torch.float64),
        lengths_B=torch.tensor([row.response_tokens for row in rows], dtype=torch.int64),
        right_B=torch.tensor([row.right for row in rows], dtype=torch.bool),
        groups_B=torch.tensor([numbers[row.prompt_id] for row in rows], dtype=torch.int64),
        teacher_B=_known([row.teacher for row in rows]),
        reference_B=_known([row.reference for row in rows]),
    )


def accumulate(
    forward: Forward,
    responses: Responses,
    passes: Sequence[MicroBatch],
    *,
    objective: Objective,
    denominator: float,
    backward: Callable[[torch.Tensor], None],
) -> StepLoss:
    """Return the loss of the passes and add its gradient to the parameters.

    The passes hold every token of the responses once. Each is divided by the denominator of the
    whole step, so their number and their order change nothing but rounding.
    """
    step = _Step(responses=_placed(responses), passes=passes)
    whole = _slopes(forward, step, objective) if objective.scope is Scope.step else None
    losses, found = [], []
    for number, batch in enumerate(passes):
        token_loss = (
            _own_loss(objective, step, batch)
            if whole is None
            else _given_slope(whole.slopes[number])
        )
        loss, logprobs_N = forward(batch, _divided(token_loss, denominator))
        assert loss is not None, "a pass with a token loss has one"
        backward(loss)
        losses.append(loss.detach())
        found.append(logprobs_N)
        # the graph of one pass is gone before the next is made
        del loss
    loss = torch.stack(losses).double().sum() if whole is None else whole.loss / denominator
    return _sums(loss, step.tokens(torch.cat(found)))


_Placed = Callable[[torch.Tensor], Responses]
"""Gives back the responses beside some log-probs."""


def _placed(responses: Responses) -> _Placed:
    """Return what moves the responses to a device once for all chunks and passes there."""

    @cache
    def moved(device: torch.device, dtype: torch.dtype) -> Responses:
        return responses.beside(torch.empty(0, device=device, dtype=dtype))

    return lambda logprobs_N: moved(logprobs_N.device, logprobs_N.dtype)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Step:
    responses: _Placed
    passes: Sequence[MicroBatch]

    def tokens(self, logprobs_N: torch.Tensor) -> TokenBatch:
        """Return all tokens as one batch, given their log-probs in the order of the passes."""
        return TokenBatch(
            logprobs_N=logprobs_N,
            response_N=torch.cat([batch.response_N for batch in self.passes]),
            responses=self.responses(logprobs_N),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Whole:
    """What an objective makes of all tokens at once."""

    loss: torch.Tensor
    slopes: Sequence[torch.Tensor]
    """The derivative by each log-prob of each pass."""


def _slopes(forward: Forward, step: _Step, objective: Objective) -> _Whole:
    device = step.passes[0].ids_BS.device
    # forked, so that dropout draws the same in the passes that follow
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        found = [forward(batch, None)[1] for batch in step.passes]
    logprobs_N = torch.cat(found).requires_grad_()
    loss = objective.loss(step.tokens(logprobs_N))
    (slope_N,) = torch.autograd.grad(loss, logprobs_N)
    return _Whole(loss=loss.detach(), slopes=slope_N.split([len(part) for part in found]))


def _own_loss(objective: Objective, step: _Step, batch: MicroBatch) -> TokenLoss:
    def token_loss(logprobs_N: torch.Tensor, part: slice) -> torch.Tensor:
        return objective.loss(
            TokenBatch(
                logprobs_N=logprobs_N,
                response_N=batch.response_N[part],
                responses=step.responses(logprobs_N),
            )
        )

    return token_loss


def _given_slope(slope_N: torch.Tensor) -> TokenLoss:
    return lambda logprobs_N, part: (slope_N[part] * logprobs_N).sum()


def _divided(token_loss: TokenLoss, denominator: float) -> TokenLoss:
    return lambda logprobs_N, part: token_loss(logprobs_N, part) / denominator


def _sums(loss: torch.Tensor, batch: TokenBatch) -> StepLoss:
    mean_B = (batch.sums_B(batch.logprobs_N) / batch.responses.lengths_B).double()
    right_B = batch.responses.right_B
    # one tensor, so that the device is waited for once
    facts = [loss, mean_B[right_B].sum(), right_B.sum(), mean_B[~right_B].sum(), (~right_B).sum()]
    found, right_logprob, right, wrong_logprob, wrong = torch.stack(
        [fact.double() for fact in facts]
    ).tolist()
    return StepLoss(
        loss=found,
        tokens=len(batch.logprobs_N),
        right_logprob=right_logprob,
        right=int(right),
        wrong_logprob=wrong_logprob,
        wrong=int(wrong),
    )


def _known(values: Sequence[float | None]) -> torch.Tensor:
    return torch.tensor(
        [float("nan") if value is None else value for value in values], dtype=torch.float64
    )
