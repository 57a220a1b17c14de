from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM

from advdistill.interfaces import Example, Packing
from advdistill.records import Finish
from advdistill.student.finetune import Dtype
from tests.tiny import END, example, pool, tiny_model
from tests.unit.student.students import job, student


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model with dropout, which a reference has none of."""
    return tiny_model(tmp_path_factory.mktemp("model"), attention_dropout=0.5)


@torch.no_grad()
def by_hand(model: str, one: Example) -> float:
    """Return a response's log-prob, token by token, in double precision."""
    loaded = AutoModelForCausalLM.from_pretrained(model).double().eval()
    prompt_tokens = one.tokens.prompt_tokens
    ids = [*one.tokens.read().tolist(), *([END] * one.ended)]
    logprobs_SV = loaded(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
    return sum(float(logprobs_SV[s - 1, ids[s]]) for s in range(prompt_tokens, len(ids)))


@pytest.mark.parametrize("row_tokens", [32, 4096])
@pytest.mark.parametrize("packing", list(Packing))
def test_references_are_the_models_own_logprobs_summed(
    model: str, packing: Packing, row_tokens: int
) -> None:
    """Of every response, also those without a weight."""
    examples = pool(4, 5)
    found = student(model).refer(examples, job=job(packing=packing, row_tokens=row_tokens))
    assert found == pytest.approx([by_hand(model, one) for one in examples], rel=1e-6)


def test_weights_and_the_order_of_the_table_have_no_say(model: str) -> None:
    examples = pool(3, 4)
    found = student(model).refer(examples, job=job())
    others = [replace(one, weight=-7.0 * one.weight) for one in reversed(examples)]
    assert student(model).refer(others, job=job())[::-1] == pytest.approx(found, rel=1e-6)


def test_a_response_that_is_left_out_of_training_has_none(model: str) -> None:
    texts = ["7", "x" * 200, "", "8"]
    examples = [
        example(0, n, weight=1.0, text=text, finish=Finish.stop if text else Finish.length)
        for n, text in enumerate(texts)
    ]
    found = student(model).refer(examples, job=job())
    assert [value is None for value in found] == [False, True, True, False]


def test_one_copy_of_a_prompt_serves_several_of_its_samples(model: str) -> None:
    """Equal answers of one prompt have equal references; those of other prompts have not."""
    examples = [example(number, sample, weight=1.0) for number in range(2) for sample in range(2)]
    first, again, other, _ = student(model).refer(examples, job=job(packing=Packing.shared))
    assert first == pytest.approx(again)
    assert first != pytest.approx(other)


def test_it_is_computed_in_the_students_dtype(model: str) -> None:
    exact = student(model).refer(pool(2, 3), job=job())
    rough = student(model, dtype=Dtype.bfloat16).refer(pool(2, 3), job=job())
    assert rough != exact
    assert rough == pytest.approx(exact, rel=1e-2)


def test_the_callers_random_numbers_are_left_alone(model: str) -> None:
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    student(model).refer(pool(1, 2), job=job())
    assert torch.equal(torch.rand(2), wanted)


def test_progress_is_told_by_prompt(model: str) -> None:
    told: list[tuple[int, int]] = []

    class Watcher:
        def report(self, numbers: object, step: int) -> None:
            """Keep nothing."""

        def progress(self, done: int, total: int) -> None:
            told.append((done, total))

    student(model).refer(pool(3, 2), job=replace(job(), watch=Watcher()))
    assert told == [(1, 3), (2, 3), (3, 3)]
