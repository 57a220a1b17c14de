"""A step computed the plain way, in double: padded rows, whole logits, formulas written out again.

It shares no code with the package but the rows, and reads the settings of an objective only.

Axes: `B` responses, `S` prompt and response tokens, `T` tokens of one response, `V` vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from transformers import PreTrainedModel, Qwen3Config, Qwen3ForCausalLM

from advdistill.interfaces import Objective
from advdistill.student.batches import Row

Term = torch.Tensor | float


@dataclass(frozen=True)
class Step:
    """Loss and gradient of one step."""

    loss: float
    gradients: dict[str, torch.Tensor]


@dataclass(frozen=True)
class Answer:
    """One response of a step as the formulas see it."""

    row: Row
    logprobs_T: torch.Tensor

    @property
    def length(self) -> int:
        return len(self.logprobs_T)

    @property
    def logprob(self) -> torch.Tensor:
        return self.logprobs_T.sum()

    @property
    def mean(self) -> torch.Tensor:
        return self.logprob / self.length


def reference(model: PreTrainedModel, rows: Sequence[Row], objective: Objective) -> Step:
    """Return what a step of the objective is; the model is to be in double."""
    assert model.dtype is torch.float64
    model.zero_grad()
    answers = [
        Answer(row, logprobs_T)
        for row, logprobs_T in zip(rows, response_logprobs(model, rows), strict=True)
    ]
    loss = FORMULAS[type(objective).__name__](objective, answers)
    loss.backward()
    return Step(loss.item(), gradients(model))


def response_logprobs(model: PreTrainedModel, rows: Sequence[Row]) -> list[torch.Tensor]:
    """Return logprobs_T of each response from one padded forward pass."""
    width = max(len(row.ids) for row in rows)
    ids_BS = torch.full((len(rows), width), 7)  # a visible token, which may not matter either
    for b, row in enumerate(rows):
        ids_BS[b, : len(row.ids)] = torch.tensor(row.ids)
    logprobs_BSV = model(input_ids=ids_BS).logits.log_softmax(-1)
    logprobs_BS = logprobs_BSV[:, :-1].gather(2, ids_BS[:, 1:, None])[:, :, 0]
    return [logprobs_BS[b, row.prompt_tokens - 1 : len(row.ids) - 1] for b, row in enumerate(rows)]


def gradients(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Return the gradient of every parameter that has one, in double."""
    return {
        name: parameter.grad.double().clone()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


def gap(found: Step, wanted: Step) -> float:
    """Return how far two gradients are apart, relative to the wanted one, all tensors as one."""
    assert found.gradients.keys() == wanted.gradients.keys()
    square = sum(
        float((found.gradients[n] - g).square().sum()) for n, g in wanted.gradients.items()
    )
    return (square / sum(float(g.square().sum()) for g in wanted.gradients.values())) ** 0.5


def widest_gap(found: Step, wanted: Step) -> float:
    """Return the largest such gap of a single tensor."""
    return max(
        float((found.gradients[name] - gradient).norm() / gradient.norm())
        for name, gradient in wanted.gradients.items()
    )


def knowing_model(rows: Sequence[Row], vocabulary: int) -> PreTrainedModel:
    """Return a model in double that knows the rows a little, as a random one knows too little.

    Where each probability is close to 0, so is the slope of every loss that is bounded below.
    """
    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=512,
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Qwen3ForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(12):
        loss = -torch.cat(response_logprobs(model, rows)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.double().eval()


def weighted_nll(objective: Any, answers: Sequence[Answer]) -> torch.Tensor:
    total, counted = torch.zeros((), dtype=torch.float64), []
    for answer in answers:
        weight = answer.row.weight
        if weight == 0 or (weight < 0 and objective.negative.value == "drop"):
            continue
        counted.append(answer)
        if weight < 0 and objective.negative.value == "unlikelihood":
            losses = [-abs(weight) * (1 - logprob.exp()).log() for logprob in answer.logprobs_T]
        else:
            losses = [-weight * logprob for logprob in answer.logprobs_T]
        total = total + sum(losses) / own_divisor(objective, answer)
    return total / divisor(objective, counted)


def dft(objective: Any, answers: Sequence[Answer]) -> torch.Tensor:
    total, counted = torch.zeros((), dtype=torch.float64), []
    for answer in answers:
        weight = answer.row.weight
        if weight == 0 or (weight < 0 and objective.negative.value == "drop"):
            continue
        counted.append(answer)
        if not objective.weighted:
            weight = 1.0 if weight > 0 else -1.0
        if weight < 0 and objective.negative.value == "unlikelihood":
            losses = [-abs(weight) * (1 - logprob.exp()).log() for logprob in answer.logprobs_T]
        else:
            losses = [-weight * logprob.exp().item() * logprob for logprob in answer.logprobs_T]
        total = total + sum(losses) / own_divisor(objective, answer)
    return total / divisor(objective, counted)


def topr(objective: Any, answers: Sequence[Answer]) -> torch.Tensor:
    total, counted = torch.zeros((), dtype=torch.float64), []
    for answer in answers:
        weight = answer.row.weight
        if weight == 0:
            continue
        counted.append(answer)
        if weight < 0:
            assert answer.row.teacher is not None
            log_ratio = answer.logprob.item() - answer.row.teacher
            if objective.ratio.value == "mean":
                log_ratio = log_ratio / answer.length
            weight = weight * min(1.0, float(torch.tensor(log_ratio, dtype=torch.float64).exp()))
        total = total - weight * answer.logprob / own_divisor(objective, answer)
    return total / divisor(objective, counted)


def redi(objective: Any, answers: Sequence[Answer]) -> torch.Tensor:
    counted = [a for a in answers if a.row.weight != 0 and (a.row.right or objective.alpha != 0)]
    total = torch.zeros((), dtype=torch.float64)
    for answer in counted:
        side = -1.0 if answer.row.right else objective.alpha
        total = total + side * abs(answer.row.weight) * answer.mean
    return total / divisor(objective, counted)


def dpo(objective: Any, answers: Sequence[Answer]) -> torch.Tensor:
    def loss(right: Answer, wrong: Answer) -> torch.Tensor:
        margin = objective.beta * (above_base(right) - above_base(wrong))
        smooth = objective.label_smoothing
        sure = -(1 - smooth) * margin.sigmoid().log() - smooth * (1 - margin.sigmoid()).log()
        return sure - objective.nll * right.mean

    return paired(objective, answers, loss)


def simpo(objective: Any, answers: Sequence[Answer]) -> torch.Tensor:
    def loss(right: Answer, wrong: Answer) -> torch.Tensor:
        margin = objective.beta * right.mean - objective.beta * wrong.mean - objective.gamma
        return -margin.sigmoid().log()

    return paired(objective, answers, loss)


def kto(objective: Any, answers: Sequence[Answer]) -> torch.Tensor:
    total, counted = torch.zeros((), dtype=torch.float64), []
    groups = prompts(answers)
    for group in groups:
        ratios = [above_base(answer) for answer in group]
        point = max(0.0, sum(ratio.item() for ratio in ratios) / len(group))
        if objective.reference_point.value == "zero":
            point = 0.0
        for answer, ratio in zip(group, ratios, strict=True):
            counted.append(answer)
            above = objective.beta * (ratio - point)
            value = above.sigmoid() if answer.row.right else (-above).sigmoid()
            share = objective.desirable if answer.row.right else objective.undesirable
            size = share * abs(answer.row.weight)
            per_prompt = len(group) if objective.normaliser.value == "prompts" else 1
            total = total + size * (1 - value) / per_prompt
    return (
        total
        / {
            "sequences": len(counted),
            "prompts": len(groups),
            "constant": objective.constant,
        }[objective.normaliser.value]
    )


FORMULAS: dict[str, Callable[[Any, Sequence[Answer]], torch.Tensor]] = {
    "WeightedNLL": weighted_nll,
    "DFT": dft,
    "TOPR": topr,
    "REDI": redi,
    "DPO": dpo,
    "SimPO": simpo,
    "KTO": kto,
}


def paired(
    objective: Any,
    answers: Sequence[Answer],
    loss: Callable[[Answer, Answer], torch.Tensor],
) -> torch.Tensor:
    assert objective.max_pairs is None, "which pairs are left is not written out here"
    total, pairs, paired_prompts = torch.zeros((), dtype=torch.float64), 0, 0
    for group in prompts(answers):
        rights = [answer for answer in group if answer.row.right]
        wrongs = [answer for answer in group if not answer.row.right]
        number = len(rights) * len(wrongs)
        pairs, paired_prompts = pairs + number, paired_prompts + (number > 0)
        for right in rights:
            for wrong in wrongs:
                size = abs(right.row.weight) * abs(wrong.row.weight)
                per_prompt = number if objective.normaliser.value == "prompts" else 1
                total = total + size * loss(right, wrong) / per_prompt
    return (
        total
        / {"pairs": pairs, "prompts": paired_prompts, "constant": objective.constant}[
            objective.normaliser.value
        ]
    )


def prompts(answers: Sequence[Answer]) -> list[list[Answer]]:
    weighted = [answer for answer in answers if answer.row.weight != 0]
    ordered = sorted(weighted, key=lambda answer: answer.row.prompt_id)
    return [list(group) for _, group in groupby(ordered, key=lambda answer: answer.row.prompt_id)]


def above_base(answer: Answer) -> torch.Tensor:
    assert answer.row.reference is not None
    return answer.logprob - answer.row.reference


def own_divisor(objective: Any, answer: Answer) -> int:
    return answer.length if objective.normaliser.value == "sequences" else 1


def divisor(objective: Any, counted: Sequence[Answer]) -> float:
    return {
        "tokens": sum(answer.length for answer in counted),
        "sequences": len(counted),
        "constant": objective.constant,
    }[objective.normaliser.value]
