"""What the proof accepts, what it refuses, and that it leaves the training as it was."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AttentionInterface

from advdistill.errors import StageError
from advdistill.interfaces import Example, Objective, Packing, Scope, TokenBatch
from advdistill.objective.weighted_nll import Negative, WeightedNLL
from advdistill.student.attention import NAME, attend
from advdistill.student.batches import Row
from advdistill.student.excerpt import TOKENS, excerpt, few
from advdistill.student.finetune import Adapter, Dtype, Finetune
from advdistill.student.gradient import responses_of
from advdistill.student.plain import plain_gradient
from advdistill.student.proof import Gap, compare, prove
from advdistill.student.reduced import computes_exactly, reduced
from advdistill.student.training import Training, prepare
from tests.tiny import example, pool, tiny_model
from tests.unit.student.students import OBJECTIVE, Notebook, fingerprints, job, student

NLL = replace(OBJECTIVE, negative=Negative.nll, allow_unbounded=True)
ADAPTER = Adapter(rank=2, alpha=4.0, dropout=0.0, targets=["q_proj", "v_proj"], quantise=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_model(tmp_path_factory.mktemp("model"))


def examples() -> list[Example]:
    return pool(8, 5)


def proof(
    folder: Path,
    one: Finetune,
    *,
    objective: Objective = NLL,
    packing: Packing = Packing.auto,
    given: Sequence[Example] | None = None,
    notebook: Notebook | None = None,
) -> dict[str, Any]:
    """Return what `proof.json` says after a training that is proved and takes no step."""
    training = prepare(
        one,
        objective,
        examples() if given is None else given,
        folder=folder,
        job=job(notebook, packing=packing),
    )
    prove(training, folder)
    return json.loads((folder / "proof.json").read_text())


@dataclass(frozen=True)
class Whole(WeightedNLL):
    """The same loss, taken over whole steps."""

    @property
    def scope(self) -> Scope:
        return Scope.step


@pytest.mark.parametrize("packing", list(Packing))
@pytest.mark.parametrize(
    "objective",
    [
        NLL,
        OBJECTIVE,
        Whole(**{name: getattr(NLL, name) for name in WeightedNLL.__dataclass_fields__}),
    ],
    ids=["nll", "unlikelihood", "step"],
)
def test_every_packing_is_exact(
    model: str, tmp_path: Path, packing: Packing, objective: Objective
) -> None:
    notebook = Notebook()
    found = proof(tmp_path, student(model), packing=packing, objective=objective, notebook=notebook)
    assert found["limit"] == 1e-4
    assert found["gradient_gap"] < 2e-6
    assert found["loss_gap"] < 1e-6
    assert found["model"] == "the student itself"
    assert found["packing"] == packing.value
    assert notebook.column("proof_gradient_gap") == {0: found["gradient_gap"]}
    assert notebook.column("proof_loss_gap") == {0: found["loss_gap"]}


@pytest.mark.parametrize("base", ["random", "builtin:tiny_student"])
@pytest.mark.parametrize("objective", [NLL, OBJECTIVE], ids=["nll", "unlikelihood"])
def test_honest_bfloat16_is_within_its_limit(
    model: str, tmp_path: Path, base: str, objective: Objective
) -> None:
    one = student(model if base == "random" else base, dtype=Dtype.bfloat16)
    found = proof(tmp_path, one, objective=objective)
    rough = found["bfloat16"]
    assert 1e-4 < rough["gradient_gap"] < rough["limit"] == 5e-2
    assert found["gradient_gap"] < 1e-5


def training_of(one: Finetune, folder: Path) -> Training:
    return prepare(one, NLL, examples(), folder=folder, job=job())


def gap(training: Training, rows: list[Row], wanted: list[Row], objective: Objective = NLL) -> Gap:
    """Return the gap of the trained path on some rows to the plain one on others."""
    plain = plain_gradient(training.base.model, wanted, objective=NLL)
    return compare(training.base, rows, plain, objective=objective, job=training.job)


@dataclass(frozen=True)
class OtherDenominator(WeightedNLL):
    def denominator(self, responses: object) -> float:
        return super().denominator(responses) * 1.001  # pyright: ignore[reportArgumentType]


def test_a_weight_off_by_a_thousandth_a_missing_response_and_another_denominator_are_seen(
    model: str, tmp_path: Path
) -> None:
    training = training_of(student(model), tmp_path)
    rows = excerpt(training)
    assert gap(training, rows, rows).fine
    off = [replace(rows[0], weight=rows[0].weight + 1e-3), *rows[1:]]
    assert not gap(training, off, rows).fine
    assert not gap(training, rows[1:], rows).fine
    other = OtherDenominator(
        normaliser=NLL.normaliser, constant=1.0, negative=NLL.negative, allow_unbounded=True
    )
    assert not gap(training, rows, rows, other).fine


def forgetful(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *rest: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attend rightly over trees, but without a gradient for the keys."""
    return attend(module, query, key.detach(), value, *rest, **options)


@pytest.fixture
def wrong_attention() -> Iterator[None]:
    AttentionInterface.register(NAME, forgetful)
    yield
    AttentionInterface.register(NAME, attend)


@pytest.mark.usefixtures("wrong_attention")
def test_a_wrong_attention_is_refused_and_padding_remedies_it(model: str, tmp_path: Path) -> None:
    one = student(model, max_steps=1)
    with pytest.raises(StageError, match=r"packing=shared: in float32.*give runtime\.packing=pad"):
        one.train(NLL, examples(), folder=tmp_path, job=job(packing=Packing.shared))
    assert not (tmp_path / "proof.json").exists()
    assert not (tmp_path / "model").exists()
    one.train(NLL, examples(), folder=tmp_path, job=job(packing=Packing.padded))
    assert json.loads((tmp_path / "proof.json").read_text())["packing"] == "padded"


@dataclass(frozen=True)
class MeanOfPasses(WeightedNLL):
    """Says that it is a sum over tokens, but divides by those at hand."""

    def loss(self, batch: TokenBatch) -> torch.Tensor:
        return super().loss(batch) / len(batch.logprobs_N)


def test_an_objective_that_is_not_what_it_says_is_refused(model: str, tmp_path: Path) -> None:
    wrong = MeanOfPasses(
        normaliser=NLL.normaliser, constant=1.0, negative=NLL.negative, allow_unbounded=True
    )
    with pytest.raises(StageError, match=r"'MeanOfPasses'.*no step was taken"):
        student(model, max_steps=1).train(wrong, examples(), folder=tmp_path, job=job())


def test_the_training_is_the_same_bit_by_bit_with_and_without(tmp_path: Path) -> None:
    """With dropout, so that a random number drawn by the proof would be seen."""
    dropping = tiny_model(tmp_path / "dropping", attention_dropout=0.1)
    one = student(dropping, max_steps=3)
    books = Notebook(), Notebook()
    one.train(NLL, examples(), folder=tmp_path / "a", job=job(books[0]))
    (tmp_path / "b").mkdir()
    found = (tmp_path / "a" / "proof.json").read_text()
    (tmp_path / "b" / "proof.json").write_text(found)
    one.train(NLL, examples(), folder=tmp_path / "b", job=job(books[1]))
    assert fingerprints(tmp_path / "a") == fingerprints(tmp_path / "b")
    assert books[0].lines[1:] == books[1].lines
    assert books[0].column("proof_gradient_gap")


def test_what_the_proof_uses_is_as_before(model: str, tmp_path: Path) -> None:
    training = training_of(student(model), tmp_path)
    before = {name: p.clone() for name, p in training.base.model.named_parameters()}
    modes = [module.training for module in training.base.model.modules()]
    torch.manual_seed(3)
    drawn = torch.rand(2)
    torch.manual_seed(3)
    prove(training, tmp_path)
    assert torch.equal(torch.rand(2), drawn)
    after = dict(training.base.model.named_parameters())
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert all(parameter.grad is None for parameter in after.values())
    assert [module.training for module in training.base.model.modules()] == modes
    assert not training.optimizer.state


def other_packing(one: Finetune) -> tuple[Finetune, Packing]:
    return one, Packing.plain


def other_settings(one: Finetune) -> tuple[Finetune, Packing]:
    return replace(one, max_tokens=127), Packing.auto


@pytest.mark.parametrize("change", [other_packing, other_settings])
def test_it_is_done_once_for_the_same_training(
    model: str, tmp_path: Path, change: Callable[[Finetune], tuple[Finetune, Packing]]
) -> None:
    first, second, third = Notebook(), Notebook(), Notebook()
    proof(tmp_path, student(model), notebook=first)
    proof(tmp_path, student(model), notebook=second)
    one, packing = change(student(model))
    proof(tmp_path, one, packing=packing, notebook=third)
    assert [len(book.lines) for book in (first, second, third)] == [1, 0, 1]


def test_the_only_prompt_with_a_loss_is_found_behind_many_without(
    model: str, tmp_path: Path
) -> None:
    last = examples()[-1].prompt_id
    given = [replace(e, weight=1.0 if e.prompt_id == last else -1.0) for e in examples()]
    drop = replace(OBJECTIVE, negative=Negative.drop)
    one = student(model, batch_prompts=8)
    training = prepare(one, drop, given, folder=tmp_path, job=job())
    assert {row.prompt_id for row in excerpt(training)} == {last}
    assert proof(tmp_path, one, objective=drop, given=given)["gradient_gap"] < 2e-6


def test_the_first_batch_with_a_loss_is_taken_and_weights_of_both_signs(
    model: str, tmp_path: Path
) -> None:
    training = training_of(student(model), tmp_path)
    rows = excerpt(training)
    assert {row.weight > 0 for row in rows} == {True, False}
    one = "tiny/train/00006"
    some = [replace(e, weight=e.weight * (e.prompt_id == one)) for e in examples()]
    training = prepare(student(model, batch_prompts=1), NLL, some, folder=tmp_path, job=job())
    assert {row.prompt_id for row in excerpt(training)} == {one}


def test_long_responses_are_cut_with_their_logprobs(model: str, tmp_path: Path) -> None:
    given = [
        example(number, n, weight=1.0 - 2 * (n % 2), text="so " * 140)
        for number in range(2)
        for n in range(4)
    ]
    training = prepare(student(model, max_tokens=512), NLL, given, folder=tmp_path, job=job())
    groups = list(training.base.rows.by_prompt.values())
    rows = few(groups)
    assert len(rows) == 8
    assert len(rows) * max(len(row.ids) for row in rows) <= TOKENS
    for row in rows:
        own = next(group for group in groups if group[0].prompt_id == row.prompt_id)
        (whole,) = [one for one in own if one.sample == row.sample]
        assert row.response_tokens < whole.response_tokens
        assert row.ids.tolist() == whole.ids[: len(row.ids)].tolist()
        assert row.teacher is not None
        assert whole.teacher is not None
        kept = row.response_tokens / whole.response_tokens
        assert row.teacher == pytest.approx(whole.teacher * kept)


def test_gradients_that_cancel_are_no_fault(model: str, tmp_path: Path) -> None:
    """The same answer with weights 1 and -1: what is left is rounding alone."""
    given = [example(0, n, weight=(1.0, -1.0)[n], text="so 7") for n in range(2)]
    found = proof(tmp_path, student(model), given=given)
    assert found["gradient_norm"] < 1e-5 * found["gradient_scale"]
    assert found["gradient_gap"] < 1e-6


@pytest.mark.parametrize("adapter", [None, ADAPTER])
def test_a_student_that_is_not_in_float32_is_proved_on_a_reduced_model(
    tmp_path: Path, adapter: Adapter | None
) -> None:
    training = training_of(student("builtin:tiny_student", adapter=adapter), tmp_path)
    training.base.model.bfloat16()
    assert not computes_exactly(training.base.model)
    prove(training, tmp_path)
    found = json.loads((tmp_path / "proof.json").read_text())
    assert found["model"] == "a reduced model of the same architecture (2 of 3 layers)"
    assert found["gradient_gap"] < 1e-5
    small, _ = reduced(training.base.model, training.student)
    rows = excerpt(training)
    gradient = plain_gradient(small, rows, objective=NLL).gradient
    assert all(slope.any() for slope in gradient.values())
    assert all(("lora" in name) == (adapter is not None) for name in gradient)
    assert NLL.denominator(responses_of(rows)) > 0
