"""Steps that do not fit the memory."""

import logging
from dataclasses import dataclass, field, replace

import pytest
import torch

from advdistill.errors import StageError
from advdistill.interfaces import Packing, Scope, TokenBatch
from advdistill.student.batches import Row, encode
from advdistill.student.gradient import StepLoss, accumulate, responses_of
from advdistill.student.head import TokenLoss
from advdistill.student.memory import Room, within_memory
from advdistill.student.packing import MicroBatch, micro_batches
from tests.tiny import END, pool

DENOMINATOR = 10.0


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    ones = [replace(one, weight=one.weight or 1.0) for one in pool(3, 5)]
    found = encode(ones, end=END, max_tokens=128)
    return [row for group in found.by_prompt.values() for row in group]


class Likelihood:
    """-w log p."""

    scope = Scope.token

    def loss(self, batch: TokenBatch) -> torch.Tensor:
        return -(batch.responses.weights_B[batch.response_N] * batch.logprobs_N).sum()


@dataclass
class Accelerator:
    """A model of one number per token id that has memory for so many tokens of a pass.

    The pass that is too large is not the first, so that a part of a gradient is left behind.
    """

    memory: int
    scores: torch.Tensor = field(
        default_factory=lambda: torch.linspace(-1, 1, 259, dtype=torch.float64).requires_grad_()
    )
    sizes: list[int] = field(default_factory=list)

    def forward(
        self, batch: MicroBatch, token_loss: TokenLoss | None
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        assert token_loss is not None
        self.sizes.append(batch.ids_BS.numel())
        if batch.ids_BS.numel() > self.memory:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore.")
        logprobs_N = self.scores.log_softmax(0)[batch.targets_N]
        return token_loss(logprobs_N, slice(None)), logprobs_N.detach()

    def step(self, rows: list[Row], row_tokens: int) -> StepLoss:
        passes = micro_batches(rows, packing=Packing.plain, row_tokens=row_tokens)
        return accumulate(
            self.forward,
            responses_of(rows),
            sorted(passes, key=lambda batch: batch.ids_BS.numel()),
            objective=Likelihood(),  # type: ignore[arg-type] - what is called
            denominator=DENOMINATOR,
            backward=torch.Tensor.backward,
        )

    def discard(self) -> None:
        self.scores.grad = None

    def within(self, rows: list[Row], room: Room) -> StepLoss:
        self.discard()
        return within_memory(
            lambda row_tokens: self.step(rows, row_tokens),
            room,
            discard=self.discard,
            longest=max(len(row.ids) for row in rows),
            tokens=sum(len(row.ids) for row in rows),
        )


def gradient(one: Accelerator) -> torch.Tensor:
    assert one.scores.grad is not None
    return one.scores.grad


def test_a_step_done_again_in_less_is_the_one_that_began_so_to_the_bit(rows: list[Row]) -> None:
    short, room = Accelerator(130), Room(row_tokens=400, alone=True)
    found = short.within(rows, room)
    ample = Accelerator(10**6)
    wanted = ample.within(rows, Room(row_tokens=room.row_tokens, alone=True))
    assert room.row_tokens == 100
    assert found == wanted
    assert torch.equal(gradient(short), gradient(ample))


def test_a_step_done_again_in_less_is_the_undisturbed_one_but_for_rounding(rows: list[Row]) -> None:
    short, ample = Accelerator(130), Accelerator(10**6)
    found = short.within(rows, Room(row_tokens=400, alone=True))
    wanted = ample.within(rows, Room(row_tokens=400, alone=True))
    assert short.sizes != ample.sizes
    assert found.loss == pytest.approx(wanted.loss, rel=1e-12)
    assert found.tokens == wanted.tokens
    assert torch.allclose(gradient(short), gradient(ample), rtol=1e-12)


def test_the_room_stays_small_and_a_warning_says_so(
    rows: list[Row], caplog: pytest.LogCaptureFixture
) -> None:
    short, room = Accelerator(130), Room(row_tokens=400, alone=True)
    with caplog.at_level(logging.WARNING):
        short.within(rows, room)
    assert [record.message.count("runtime.row_tokens") for record in caplog.records] == [1, 1]
    assert "runtime.row_tokens=100 " in caplog.messages[-1] + " "
    assert "More." not in caplog.text
    before = len(short.sizes)
    short.within(rows, room)
    assert max(short.sizes[before:]) <= 100
    assert len(caplog.records) == 2


def test_the_first_halving_is_of_the_tokens_there_are(rows: list[Row]) -> None:
    tokens = sum(len(row.ids) for row in rows)
    room = Room(row_tokens=10**6, alone=True)
    Accelerator(tokens - 1).within(rows, room)
    assert room.row_tokens == tokens // 2


def test_the_longest_response_is_still_tried_by_itself(rows: list[Row]) -> None:
    longest = max(len(row.ids) for row in rows)
    room = Room(row_tokens=2 * longest - 1, alone=True)
    Accelerator(longest).within(rows, room)
    assert room.row_tokens == longest


def test_a_response_that_does_not_fit_by_itself_ends_the_training(rows: list[Row]) -> None:
    longest = max(len(row.ids) for row in rows)
    short = Accelerator(longest - 1)
    with pytest.raises(
        StageError, match=rf"{longest} tokens.*out of memory.*gradient_checkpointing"
    ):
        short.within(rows, Room(row_tokens=400, alone=True))
    assert short.scores.grad is None


def test_one_of_several_processes_does_not_repeat_a_step(rows: list[Row]) -> None:
    short = Accelerator(130)
    with pytest.raises(StageError, match=r"runtime\.row_tokens=200"):
        short.within(rows, Room(row_tokens=400, alone=False))


def test_other_errors_pass(rows: list[Row]) -> None:
    def attempt(row_tokens: int) -> None:
        raise RuntimeError(f"{row_tokens} of another kind")

    with pytest.raises(RuntimeError, match="another kind"):
        within_memory(
            attempt, Room(row_tokens=4, alone=True), discard=lambda: None, longest=1, tokens=9
        )
