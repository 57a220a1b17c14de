"""The step against the formula, written out again on a plain padded forward pass.

Axes: `B` responses, `S` prompt and response tokens, `V` vocabulary.
"""

from dataclasses import replace
from functools import partial

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from advdistill.errors import StageError
from advdistill.objective.weighted_nll import Negative, Normaliser, WeightedNLL
from advdistill.student.batches import Row, encode
from advdistill.student.gradient import StepLoss, accumulate, check_head, response_logprobs
from tests.tiny import ANSWER_FORMAT, byte_tokenizer, pool, tiny_model
from tests.unit.student.students import OBJECTIVE, job, student

AGREEMENT = 1e-6


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedModel:
    """A model that knows the responses a little: at random ones unlikelihood is all but 0."""
    folder = tmp_path_factory.mktemp("model")
    ones = [replace(one, weight=1.0) for one in pool(3, 5)]
    student(tiny_model(folder), max_steps=40).train(OBJECTIVE, ones, folder=folder, job=job())
    return AutoModelForCausalLM.from_pretrained(folder / "model").double().eval()


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    found = encode(pool(3, 5), byte_tokenizer(), answer_format=ANSWER_FORMAT, max_tokens=128)
    return [row for group in found.by_prompt.values() for row in group]


def gradient(model: PreTrainedModel) -> torch.Tensor:
    parts = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return torch.cat(parts).clone()


def ours(
    model: PreTrainedModel,
    rows: list[Row],
    *,
    objective: WeightedNLL = OBJECTIVE,
    micro_batch: int = 4,
) -> tuple[StepLoss, torch.Tensor]:
    model.zero_grad()
    found = accumulate(
        partial(response_logprobs, model),
        rows,
        objective=objective,
        micro_batch=micro_batch,
        backward=torch.Tensor.backward,
    )
    assert found is not None
    return found, gradient(model)


def padded(rows: list[Row]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids_BS and labels_BS, -100 off the response, padded with a visible token."""
    width = max(len(row.ids) for row in rows)
    ids_BS = torch.full((len(rows), width), 7)
    labels_BS = torch.full((len(rows), width), -100)
    for b, row in enumerate(rows):
        ids_BS[b, : len(row.ids)] = torch.tensor(row.ids)
        labels_BS[b, row.prompt_tokens : len(row.ids)] = torch.tensor(row.ids)[row.prompt_tokens :]
    return ids_BS, labels_BS


def by_hand(
    model: PreTrainedModel, rows: list[Row], objective: WeightedNLL
) -> tuple[float, torch.Tensor]:
    """Return loss and gradient from the formula, token by token, in one full padded forward."""
    model.zero_grad()
    ids_BS, labels_BS = padded(rows)
    logprobs_BSV = model(input_ids=ids_BS).logits.log_softmax(-1)
    total, tokens, sequences = torch.zeros((), dtype=torch.float64), 0, 0
    for b, row in enumerate(rows):
        if row.weight == 0 or (row.weight < 0 and objective.negative is Negative.drop):
            continue
        terms = []
        for s in range(row.prompt_tokens, len(row.ids)):
            probability = logprobs_BSV[b, s - 1, labels_BS[b, s]].exp()
            bounded = row.weight < 0 and objective.negative is Negative.unlikelihood
            terms.append(-(1 - probability).log() if bounded else -probability.log())
        tokens, sequences = tokens + len(terms), sequences + 1
        size = abs(row.weight) if objective.negative is Negative.unlikelihood else row.weight
        per_sequence = len(terms) if objective.normaliser is Normaliser.sequences else 1
        total = total + size * sum(terms) / per_sequence
    loss = (
        total
        / {"tokens": tokens, "sequences": sequences, "constant": objective.constant}[
            objective.normaliser.value
        ]
    )
    loss.backward()
    return loss.item(), gradient(model)


def gap(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("normaliser", list(Normaliser))
@pytest.mark.parametrize("negative", list(Negative))
def test_loss_and_gradient_of_a_step_equal_the_formula(
    model: PreTrainedModel, rows: list[Row], normaliser: Normaliser, negative: Negative
) -> None:
    objective = WeightedNLL(
        normaliser=normaliser, constant=50.0, negative=negative, allow_unbounded=True
    )
    assert {len(rows) > 2 * 4, any(row.weight < 0 for row in rows)} == {True}
    found, found_gradient = ours(model, rows, objective=objective)
    wanted, wanted_gradient = by_hand(model, rows, objective)
    assert found.loss == pytest.approx(wanted, rel=AGREEMENT)
    assert gap(found_gradient, wanted_gradient) < AGREEMENT


@pytest.mark.parametrize("sign", [1, -1])
def test_the_comparison_sees_a_weight_that_is_off_by_a_thousandth(
    model: PreTrainedModel, rows: list[Row], sign: int
) -> None:
    index = next(i for i, row in enumerate(rows) if row.weight * sign > 0)
    wrong = [*rows]
    wrong[index] = replace(rows[index], weight=rows[index].weight + 1e-3)
    found, found_gradient = ours(model, wrong)
    wanted, wanted_gradient = by_hand(model, rows, OBJECTIVE)
    assert abs(found.loss - wanted) > AGREEMENT * abs(wanted)
    assert gap(found_gradient, wanted_gradient) > AGREEMENT


@pytest.mark.parametrize("normaliser", list(Normaliser))
def test_the_micro_batch_changes_nothing(
    model: PreTrainedModel, rows: list[Row], normaliser: Normaliser
) -> None:
    objective = replace(OBJECTIVE, normaliser=normaliser)
    one, one_gradient = ours(model, rows[:8], objective=objective, micro_batch=1)
    eight, eight_gradient = ours(model, rows[:8], objective=objective, micro_batch=8)
    assert one.loss == pytest.approx(eight.loss, rel=AGREEMENT)
    assert gap(one_gradient, eight_gradient) < AGREEMENT


def test_weights_of_one_equal_plain_supervised_fine_tuning(
    model: PreTrainedModel, rows: list[Row]
) -> None:
    ones = [replace(row, weight=1.0) for row in rows]
    found, found_gradient = ours(model, ones)
    model.zero_grad()
    ids_BS, labels_BS = padded(ones)
    loss = model(input_ids=ids_BS, labels=labels_BS).loss
    loss.backward()
    assert found.loss == pytest.approx(loss.item(), rel=AGREEMENT)
    assert gap(found_gradient, gradient(model)) < AGREEMENT


def test_it_counts_tokens_and_tells_the_logprobs_of_either_sign_apart(
    model: PreTrainedModel, rows: list[Row]
) -> None:
    found, _ = ours(model, rows)
    assert found.tokens == sum(row.response_tokens for row in rows)
    only, _ = ours(model, [row for row in rows if row.weight > 0])
    assert only.positive_logprob == pytest.approx(found.positive_logprob)
    assert only.negative_logprob is None


def test_a_step_without_a_loss_leaves_no_gradient(model: PreTrainedModel, rows: list[Row]) -> None:
    model.zero_grad()
    negative = [row for row in rows if row.weight < 0]
    for given in ([], negative):
        found = accumulate(
            partial(response_logprobs, model),
            given,
            objective=replace(OBJECTIVE, negative=Negative.drop),
            micro_batch=4,
            backward=torch.Tensor.backward,
        )
        assert found is None
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_model_that_caps_its_logits_is_refused(model: PreTrainedModel, rows: list[Row]) -> None:
    check_head(model, rows[0])

    class Scaled(type(model)):
        def forward(self, *args: object, **options: object) -> object:
            output = super().forward(*args, **options)
            output.logits = output.logits * 3
            return output

    scaled = Scaled(model.config).double().eval()
    with pytest.raises(StageError, match="plain head"):
        check_head(scaled, rows[0])
