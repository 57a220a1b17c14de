import json
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from advdistill.budget import Budget, BudgetUnit
from advdistill.errors import ConfigError, DataError, StageError
from advdistill.interfaces import Example, Packing
from advdistill.objective.weighted_nll import Negative
from advdistill.student.finetune import Dtype, Finetune
from tests.tiny import pool, tiny_model
from tests.unit.student.students import (
    OBJECTIVE,
    Notebook,
    StoppedError,
    fingerprints,
    job,
    student,
)

PROMPTS, SAMPLES = 10, 4


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model with dropout, so that a resumed training needs the random state too."""
    return tiny_model(tmp_path_factory.mktemp("student"), attention_dropout=0.1)


def examples() -> list[Example]:
    return pool(PROMPTS, SAMPLES)


def score(model: PreTrainedModel, _: PreTrainedTokenizerBase) -> float:
    """Return a number that depends on the weights alone and is not monotonic."""
    assert not model.training
    torch.rand(3)
    return float(sum(p.detach().double().abs().sum() for p in model.parameters()) * 1e3 % 1)


@pytest.mark.parametrize("packing", [Packing.auto, Packing.padded])
def test_ten_steps_equal_five_and_five_bit_by_bit(
    model: str, tmp_path: Path, packing: Packing
) -> None:
    """With rows so short that every step sums the gradients of several passes."""
    one = student(model, max_steps=10)
    whole, first, second = Notebook(), Notebook(stop_at=7), Notebook()

    def train(folder: str, notebook: Notebook) -> None:
        how = job(notebook, validate=score, row_tokens=96, packing=packing)
        one.train(OBJECTIVE, examples(), folder=tmp_path / folder, job=how)

    train("a", whole)
    with pytest.raises(StoppedError):
        train("b", first)
    train("b", second)
    assert [step for step, _ in second.lines] == [6, 7, 8, 9, 10, 10]
    assert first.lines[:-1] + second.lines == whole.lines
    assert fingerprints(tmp_path / "a") == fingerprints(tmp_path / "b")


@pytest.mark.parametrize(("unit", "amount"), [(BudgetUnit.samples, 4.0), (BudgetUnit.tokens, 50.0)])
def test_a_budget_sets_the_length_whatever_the_packing(
    model: str, tmp_path: Path, unit: BudgetUnit, amount: float
) -> None:
    budget = Budget(unit=unit, amount=amount)
    one = student(model, epochs=99, max_steps=99, learning_rate=1e-4)
    books = Notebook(), Notebook(), Notebook()
    for number, (packing, row_tokens) in enumerate(
        [(Packing.shared, 64), (Packing.shared, 4096), (Packing.padded, 256)]
    ):
        how = job(books[number], budget=budget, packing=packing, row_tokens=row_tokens)
        one.train(OBJECTIVE, examples(), folder=tmp_path / str(number), job=how)
    spent = [book.column("tokens") for book in books]
    assert spent[0] == spent[1] == spent[2]
    assert min(spent[0].values()) > 0
    if unit is BudgetUnit.tokens:
        wanted = PROMPTS * amount
        assert wanted <= sum(spent[0].values()) < wanted + 100
    found = json.loads((tmp_path / "0" / "training.json").read_text())
    assert (found["steps"], found["tokens"]) == (len(spent[0]), sum(spent[0].values()))


def test_a_checkpoint_of_another_budget_is_not_resumed(model: str, tmp_path: Path) -> None:
    """Its learning rates were made for another length."""
    one = student(model, eval_every=1)
    for amount, stop_at in ((6.0, 3), (8.0, None)):
        notebook = Notebook(stop_at=stop_at)
        how = job(notebook, budget=Budget(unit=BudgetUnit.samples, amount=amount))
        with nullcontext() if stop_at is None else pytest.raises(StoppedError):
            one.train(OBJECTIVE, examples(), folder=tmp_path, job=how)
    assert min(notebook.column("learning_rate")) == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.tiny import pool
from tests.unit.student.students import OBJECTIVE, Notebook, job, student
class Killer(Notebook):
    def report(self, numbers, step):
        if step == 7:
            os.kill(os.getpid(), signal.SIGKILL)
student(sys.argv[1], max_steps=10).train(
    OBJECTIVE, pool(10, 4), folder=Path(sys.argv[2]), job=job(Killer())
)
"""


def other_rate(one: Finetune, given: list[Example]) -> tuple[Finetune, list[Example]]:
    return replace(one, learning_rate=2e-2), given


def other_weight(one: Finetune, given: list[Example]) -> tuple[Finetune, list[Example]]:
    return one, [replace(given[0], weight=3.0), *given[1:]]


@pytest.mark.parametrize("change", [other_rate, other_weight])
def test_a_checkpoint_of_other_settings_or_weights_is_not_resumed(
    model: str, tmp_path: Path, change: Callable[..., tuple[Finetune, list[Example]]]
) -> None:
    one = student(model, max_steps=6)
    with pytest.raises(StoppedError):
        one.train(OBJECTIVE, examples(), folder=tmp_path, job=job(Notebook(stop_at=6)))
    two, given = change(one, examples())
    notebook = Notebook()
    two.train(OBJECTIVE, given, folder=tmp_path, job=job(notebook))
    assert list(notebook.column("learning_rate")) == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
def test_a_killed_process_is_resumed_bit_by_bit(model: str, tmp_path: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", KILLED, model, str(tmp_path / "b")],
        cwd=Path(__file__).parents[3],
        check=False,
        timeout=300,
    )
    assert dead.returncode == -signal.SIGKILL
    assert (tmp_path / "b" / "checkpoints" / "step00005").is_dir()
    for name in ("a", "b"):
        student(model, max_steps=10).train(OBJECTIVE, examples(), folder=tmp_path / name, job=job())
    assert fingerprints(tmp_path / "a") == fingerprints(tmp_path / "b")


def test_the_callers_random_numbers_are_left_alone(model: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    student(model, max_steps=1).train(OBJECTIVE, examples(), folder=tmp_path, job=job())
    assert torch.equal(torch.rand(2), wanted)


def test_the_folder_is_ready_for_from_pretrained_and_tells_its_counts(
    model: str, tmp_path: Path
) -> None:
    student(model).train(OBJECTIVE, examples(), folder=tmp_path, job=job())
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert loaded.generation_config.eos_token_id == [0, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "model",
        "proof.json",
        "training.json",
    ]
    for name in ("tokenizer.json", "chat_template.jinja"):
        assert (tmp_path / "model" / name).read_text() == (Path(model) / name).read_text()
    found = json.loads((tmp_path / "training.json").read_text())
    weighted = sum(one.weight != 0 for one in examples())
    assert found.pop("tokens") > weighted
    assert found == {
        "steps": 3,
        "best_step": None,
        "best_dev_accuracy": None,
        "examples_used": weighted,
        "examples_dropped": 0,
        "examples_truncated": 0,
    }


def weights(folder: Path | str) -> dict[str, torch.Tensor]:
    return load_file(Path(folder) / "model.safetensors")


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left | right)


def test_weights_of_zero_alone_are_refused(model: str, tmp_path: Path) -> None:
    zeros = [replace(one, weight=0.0) for one in examples()]
    with pytest.raises(DataError, match="none of 40 responses carries a weight"):
        student(model).train(OBJECTIVE, zeros, folder=tmp_path, job=job())


def test_a_step_without_a_loss_counts_but_updates_nothing(model: str, tmp_path: Path) -> None:
    """Momentum would move the weights even with a gradient of 0, so the update itself is left."""
    notebook = Notebook()
    positive = {"tiny/train/00003"}
    some = [replace(e, weight=float(e.prompt_id in positive)) for e in examples()]
    student(model, batch_prompts=1).train(OBJECTIVE, some, folder=tmp_path, job=job(notebook))
    assert len(notebook.column("tokens")) == PROMPTS
    assert len(notebook.column("loss")) == 1


def seen(model: str, given: Sequence[Example], folder: Path) -> dict[int, float]:
    """Return the tokens of each step, which tell the prompts of this pool apart."""
    notebook = Notebook()
    one = student(model, batch_prompts=2, learning_rate=1e-9)
    one.train(OBJECTIVE, given, folder=folder, job=job(notebook))
    return notebook.column("tokens")


def test_the_prompts_of_a_step_do_not_depend_on_the_weights(model: str, tmp_path: Path) -> None:
    ones = [replace(one, weight=1.0) for one in examples()]
    twos = [replace(one, weight=-2.0) for one in examples()]
    without = [replace(one, weight=float(one.sample > 0)) for one in examples()]
    first = [replace(one, weight=float(one.sample == 0)) for one in examples()]
    everything = seen(model, ones, tmp_path / "1")
    assert everything == seen(model, twos, tmp_path / "2")
    halves = seen(model, without, tmp_path / "3"), seen(model, first, tmp_path / "4")
    assert everything == {step: halves[0][step] + halves[1][step] for step in everything}


def test_the_first_best_checkpoint_on_dev_is_kept(model: str, tmp_path: Path) -> None:
    scores, states, notebook = iter([0.1, 0.5, 0.3, 0.5]), [], Notebook()

    def validate(model: PreTrainedModel, _: PreTrainedTokenizerBase) -> float:
        states.append({k: v.clone() for k, v in model.state_dict().items()})
        return next(scores)

    one = student(model, max_steps=5, eval_every=2, keep_checkpoints=1)
    one.train(OBJECTIVE, examples(), folder=tmp_path, job=job(notebook, validate=validate))
    assert notebook.column("dev_accuracy") == {0: 0.1, 2: 0.5, 4: 0.3, 5: 0.5}
    found = weights(tmp_path / "model")
    assert all(torch.equal(found[name], states[1][name]) for name in found)
    assert json.loads((tmp_path / "training.json").read_text())["best_step"] == 2


def test_the_base_model_is_kept_if_training_only_harms(model: str, tmp_path: Path) -> None:
    scores = iter([0.5, 0.5, 0.4])
    one = student(model, max_steps=4, eval_every=2)
    one.train(OBJECTIVE, examples(), folder=tmp_path, job=job(validate=lambda *_: next(scores)))
    assert same(weights(tmp_path / "model"), weights(model))


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_checkpoint(
    model: str, tmp_path: Path
) -> None:
    huge = [
        replace(one, weight=1e300 if one.prompt_id == "tiny/train/00002" else 1.0)
        for one in examples()
    ]
    notebook = Notebook()
    one = student(model, batch_prompts=1, eval_every=1)
    with pytest.raises(StageError, match=r"of step \d+ is (inf|nan); wanted a finite number"):
        one.train(OBJECTIVE, huge, folder=tmp_path, job=job(notebook))
    last = max(notebook.column("tokens"), default=0)
    kept = sorted((tmp_path / "checkpoints").iterdir())
    assert [path.name for path in kept] == [f"step{last - 1:05d}", f"step{last:05d}"]
    assert all(
        tensor.isfinite().all() for tensor in load_file(kept[-1] / "model.safetensors").values()
    )
    assert not (tmp_path / "model").exists()


def test_checkpointed_activations_change_nothing(tmp_path: Path) -> None:
    plain = tiny_model(tmp_path / "base")
    books = Notebook(), Notebook()
    for on, book in zip((False, True), books, strict=True):
        one = student(plain, gradient_checkpointing=on)
        one.train(OBJECTIVE, examples(), folder=tmp_path / str(on), job=job(book))
    assert books[0].column("loss") == pytest.approx(books[1].column("loss"), rel=1e-6)


def test_bfloat16_computes_in_it_and_stores_it(tmp_path: Path) -> None:
    plain = tiny_model(tmp_path / "base")
    books = {dtype: Notebook() for dtype in Dtype}
    for dtype, book in books.items():
        one = student(plain, dtype=dtype)
        one.train(OBJECTIVE, examples(), folder=tmp_path / dtype, job=job(book))
    exact, rough = (books[dtype].column("loss") for dtype in Dtype)
    assert rough == pytest.approx(exact, rel=0.02)
    assert rough != exact
    stored = weights(tmp_path / "bfloat16" / "model")
    assert {tensor.dtype for tensor in stored.values()} == {torch.bfloat16}
    config = json.loads((tmp_path / "bfloat16" / "model" / "config.json").read_text())
    assert config["dtype"] == "bfloat16"


def test_dropped_negatives_train_as_if_they_were_absent(tmp_path: Path) -> None:
    plain = tiny_model(tmp_path / "base")
    drop = replace(OBJECTIVE, negative=Negative.drop)
    absent = [replace(one, weight=max(one.weight, 0.0)) for one in examples()]
    for name, given in (("a", examples()), ("b", absent)):
        student(plain).train(drop, given, folder=tmp_path / name, job=job())
    found, wanted = weights(tmp_path / "a" / "model"), weights(tmp_path / "b" / "model")
    assert all(torch.allclose(found[k], wanted[k], atol=1e-5) for k in found)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0.0),
        ("max_steps", 0),
        ("batch_prompts", 0),
        ("learning_rate", 0.0),
        ("warmup", 1.5),
        ("min_learning_rate", -0.1),
        ("max_tokens", 1),
        ("eval_every", 0),
        ("keep_checkpoints", 0),
        ("collapse_window", 0),
        ("collapse_drop", -0.1),
        ("collapse_surge", 0.5),
    ],
)
def test_a_setting_out_of_range_is_named(setting: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"student: {setting} is "):
        replace(student("builtin:x"), **{setting: value})


def test_it_pickles_compares_and_names_its_sources(model: str) -> None:
    assert pickle.loads(pickle.dumps(student(model))) == student(model)
    assert student(model).sources() == [Path(model)]
