from dataclasses import replace

import pytest

from advdistill.student.finetune import Finetune
from advdistill.student.schedule import batches, learning_rate, visits
from tests.unit.student.students import student


def ten() -> list[str]:
    return [f"tiny/train/{number:05d}" for number in range(10)]


@pytest.mark.parametrize(
    ("epochs", "max_steps", "batch_prompts", "sizes"),
    [
        (1.0, None, 4, [4, 4, 2]),
        (2.0, None, 4, [4, 4, 4, 4, 4]),
        (0.7, None, 4, [4, 3]),
        (1.0, None, 64, [10]),
        (9.0, 2, 4, [4, 4]),
        (1.0, 2, 16, [16, 16]),
    ],
)
def test_sizes_of_the_steps(
    epochs: float, max_steps: int | None, batch_prompts: int, sizes: list[int]
) -> None:
    one = student("m", epochs=epochs, max_steps=max_steps, batch_prompts=batch_prompts)
    found = list(batches(one, ten()))
    assert [len(batch) for batch in found] == sizes
    assert visits(one, 10) == sum(sizes)


def test_every_epoch_holds_each_prompt_once_in_an_order_of_its_own() -> None:
    seen = [
        name for batch in batches(student("m", epochs=3, batch_prompts=4), ten()) for name in batch
    ]
    epochs = [seen[:10], seen[10:20], seen[20:]]
    assert all(sorted(epoch) == ten() for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_order_depends_on_the_seed_and_not_on_the_order_of_the_table() -> None:
    one = student("m", epochs=2, batch_prompts=4)
    assert list(batches(one, ten())) == list(batches(one, ten()[::-1]))
    assert list(batches(one, ten())) != list(batches(replace(one, seed=1), ten()))


def rates(one: Finetune, steps: int) -> list[float]:
    return [learning_rate(one, step, steps) for step in range(1, steps + 1)]


def test_learning_rate_rises_to_its_peak_and_falls_towards_its_floor() -> None:
    found = rates(student("m", learning_rate=1.0, warmup=0.2, min_learning_rate=0.1), 10)
    assert found[:3] == pytest.approx([0.5, 1.0, 1.0])
    assert found[6] == pytest.approx(0.55)
    assert found[2:] == sorted(found[2:], reverse=True)
    assert 0.1 < found[-1] < 0.15


@pytest.mark.parametrize("warmup", [0.0, 0.5, 1.0])
def test_a_single_step_has_a_learning_rate(warmup: float) -> None:
    assert rates(student("m", learning_rate=1.0, warmup=warmup), 1) == [1.0]
