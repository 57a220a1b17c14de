"""What `accumulate` makes of a step beside its gradient; `test_exact.py` has that."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import ref

import pytest
import torch

from advdistill.interfaces import Packing, Responses, Scope, TokenBatch
from advdistill.student.batches import Row, encode
from advdistill.student.gradient import StepLoss, accumulate, responses_of
from advdistill.student.head import TokenLoss
from advdistill.student.packing import MicroBatch, micro_batches
from tests.tiny import END, byte_tokenizer, pool


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    found = encode(pool(3, 5), end=END, max_tokens=128)
    return [row for group in found.by_prompt.values() for row in group]


@dataclass(frozen=True)
class Likelihood:
    """-w log p, which can be had token by token or from a whole step."""

    scope: Scope
    seen: list[Responses]

    def loss(self, batch: TokenBatch) -> torch.Tensor:
        self.seen.append(batch.responses)
        return -(batch.responses.weights_B[batch.response_N] * batch.logprobs_N).sum()


@dataclass
class Table:
    """A model of one number per token id, with dropout if asked; two chunks to a pass."""

    scores: torch.Tensor
    dropout: float = 0.0
    calls: int = 0

    def __call__(
        self, batch: MicroBatch, token_loss: TokenLoss | None
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        self.calls += 1
        with torch.set_grad_enabled(token_loss is not None):
            kept = torch.nn.functional.dropout(self.scores, self.dropout)
            logprobs_N = kept.log_softmax(0)[batch.targets_N]
        if token_loss is None:
            return None, logprobs_N
        half = len(logprobs_N) // 2
        parts = (slice(0, half), slice(half, len(logprobs_N)))
        loss = torch.stack([token_loss(logprobs_N[part], part) for part in parts]).sum()
        return loss, logprobs_N.detach()


def table(dropout: float = 0.0) -> Table:
    draw = torch.Generator().manual_seed(0)
    scores = torch.randn(len(byte_tokenizer()), generator=draw, dtype=torch.float64)
    return Table(scores.requires_grad_(), dropout)


def step(
    model: Table, rows: Sequence[Row], scope: Scope, seen: list[Responses] | None = None
) -> tuple[StepLoss, torch.Tensor]:
    model.scores.grad = None
    found = accumulate(
        model,
        responses_of(rows),
        micro_batches(rows, packing=Packing.auto, row_tokens=80),
        objective=Likelihood(scope, [] if seen is None else seen),  # type: ignore[arg-type] - what is called
        denominator=10.0,
        backward=torch.Tensor.backward,
    )
    assert model.scores.grad is not None
    return found, model.scores.grad


def test_responses_are_told_by_row(rows: list[Row]) -> None:
    known = [replace(rows[0], teacher=None, reference=-2.0), *rows[1:]]
    found = responses_of(known)
    assert found.weights_B.tolist() == [row.weight for row in known]
    assert found.lengths_B.tolist() == [row.response_tokens for row in known]
    assert found.right_B.tolist() == [row.right for row in known]
    assert found.teacher_B.isnan().tolist() == [True] + [False] * (len(rows) - 1)
    assert found.reference_B[0] == -2.0
    same = [[a == b for b in found.groups_B.tolist()] for a in found.groups_B.tolist()]
    assert same == [[a.prompt_id == b.prompt_id for b in known] for a in known]
    assert int(found.groups_B.min()) == 0


def test_a_whole_step_is_seen_twice_and_has_the_gradient_of_its_tokens(rows: list[Row]) -> None:
    by_token, by_step = table(), table()
    one, wanted = step(by_token, rows, Scope.token)
    two, found = step(by_step, rows, Scope.step)
    assert by_step.calls == 2 * by_token.calls > 4
    assert two.loss == pytest.approx(one.loss, rel=1e-12)
    assert torch.allclose(found, wanted, rtol=1e-12)


def test_dropout_draws_the_same_when_a_step_is_seen_again(rows: list[Row]) -> None:
    torch.manual_seed(3)
    one, wanted = step(table(0.5), rows, Scope.token)
    after = torch.rand(())
    torch.manual_seed(3)
    two, found = step(table(0.5), rows, Scope.step)
    assert two.loss == pytest.approx(one.loss, rel=1e-12)
    assert torch.allclose(found, wanted, rtol=1e-12)
    assert torch.rand(()) == after


@pytest.mark.parametrize("scope", list(Scope))
def test_the_responses_are_moved_once_a_step(rows: list[Row], scope: Scope) -> None:
    seen: list[Responses] = []
    step(table(), rows, scope, seen)
    assert seen
    assert all(one is seen[0] for one in seen)
    assert seen[0].weights_B.dtype is torch.float64


def test_the_sums_tell_right_and_wrong_apart_by_the_verdict(rows: list[Row]) -> None:
    judged = [replace(row, right=i % 3 == 0) for i, row in enumerate(rows)]
    model = table()
    found, _ = step(model, judged, Scope.token)
    known = model.scores.detach().log_softmax(0)
    means = [float(known[torch.tensor(row.ids[row.prompt_tokens :])].mean()) for row in judged]
    right = [mean for mean, row in zip(means, judged, strict=True) if row.right]
    assert found.tokens == sum(row.response_tokens for row in judged)
    assert (found.right, found.wrong) == (len(right), len(judged) - len(right))
    assert found.right_logprob == pytest.approx(sum(right))
    assert found.wrong_logprob == pytest.approx(sum(means) - sum(right))


def test_the_graph_of_a_pass_is_gone_before_the_next(rows: list[Row]) -> None:
    model, alive = table(), []

    def backward(loss: torch.Tensor) -> None:
        alive.append(sum(reference() is not None for reference in nodes))
        nodes.append(ref(loss))
        loss.backward()

    nodes: list[ref[torch.Tensor]] = []
    accumulate(
        model,
        responses_of(rows),
        micro_batches(rows, packing=Packing.auto, row_tokens=80),
        objective=Likelihood(Scope.token, []),  # type: ignore[arg-type] - what is called
        denominator=1.0,
        backward=backward,
    )
    assert len(alive) > 2
    assert set(alive) == {0}
