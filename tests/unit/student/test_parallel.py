import json
import logging
import shutil
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from advdistill.errors import ConfigError, StageError
from advdistill.interfaces import Sharding
from advdistill.ranks import run_ranks
from advdistill.student.parallel import World, shared
from tests.tiny import tiny_model
from tests.unit.student.ranks import ALONE, CASES, Both, Trains, weights
from tests.unit.student.students import Notebook, fingerprints

pytestmark = pytest.mark.timeout(240)


@dataclass(frozen=True)
class Result:
    """What `Both` left and told."""

    folder: Path
    found: dict[str, Any]
    book: Notebook


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_model(tmp_path_factory.mktemp("student"))


@pytest.fixture(scope="module")
def loose(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model with dropout, so that each rank's random state has to come back too."""
    return tiny_model(tmp_path_factory.mktemp("loose"), attention_dropout=0.1)


@pytest.fixture(scope="module")
def one(model: str, loose: str, tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder, book = tmp_path_factory.mktemp("one"), Notebook()
    return Result(
        folder, Both(model=model, loose=loose, sharding=Sharding.none)(folder, book), book
    )


@pytest.fixture(scope="module", params=list(Sharding))
def two(
    model: str,
    loose: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Result:
    if request.param is Sharding.deepspeed:
        pytest.importorskip("deepspeed")
    folder, book = tmp_path_factory.mktemp("two"), Notebook()
    maker = Both(model=model, loose=loose, sharding=request.param)
    return Result(folder, run_ranks(maker, folder, book, processes=2), book)


@pytest.mark.slow
def test_two_processes_have_the_gradient_of_one(
    one: Result, two: Result, request: pytest.FixtureRequest
) -> None:
    if request.node.callspec.params["two"] is Sharding.deepspeed:
        pytest.skip("DeepSpeed keeps its gradients to itself")
    for number in map(str, range(len(CASES))):
        found, wanted = two.found[number], one.found[number]
        assert astuple(found["found"]) == pytest.approx(astuple(wanted["found"]), rel=1e-12)
        assert found["norm"] == pytest.approx(wanted["norm"], rel=1e-12)
        mine, theirs = (load_file(r.folder / f"{number}.safetensors") for r in (two, one))
        assert mine.keys() == theirs.keys()
        for name, gradient in theirs.items():
            assert (mine[name] - gradient).norm() <= 1e-10 * gradient.norm(), (number, name)


@pytest.mark.slow
def test_two_processes_train_as_one(one: Result, two: Result) -> None:
    for name in ("loss", "gradient_norm", "dev_accuracy", "right_logprob", "wrong_logprob"):
        assert two.book.column(name) == pytest.approx(one.book.column(name), rel=1e-6), name
    assert two.book.column("tokens") == one.book.column("tokens")
    mine, theirs = weights(two.folder / "trained"), weights(one.folder / "trained")
    assert mine.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert (mine[name] - tensor).norm() <= 1e-5 * tensor.norm(), name
    found, wanted = (
        json.loads((result.folder / "trained" / "training.json").read_text())
        for result in (two, one)
    )
    score = "best_dev_accuracy"
    assert found.pop(score) == pytest.approx(wanted.pop(score), rel=1e-6)
    assert found == wanted
    assert sorted(fingerprints(two.folder / "trained")) == sorted(
        fingerprints(one.folder / "trained")
    )


@pytest.mark.slow
def test_each_of_two_holds_half_of_a_sharded_model(one: Result, two: Result) -> None:
    whole = one.found["0"]["held"]
    case = two.found["0"]
    assert case["held"] == pytest.approx(whole / 2 if case["parts"] else whole, rel=0.01)


@pytest.mark.slow
def test_only_a_sharded_model_lies_in_parts(two: Result, request: pytest.FixtureRequest) -> None:
    sharded = request.node.callspec.params["two"] is Sharding.fsdp
    assert {two.found[str(number)]["parts"] for number in range(len(CASES))} == {sharded}


@pytest.mark.slow
def test_a_killed_rank_ends_all_and_the_rest_is_as_if_undisturbed(
    two: Result,
    loose: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sharding = request.node.callspec.params["two"]
    maker = Trains(model=loose, sharding=sharding)
    with pytest.raises(StageError, match="rank 1 of the 2 processes of Trains ended with exit cod"):
        run_ranks(replace(maker, kill_rank="1"), tmp_path / "b", Notebook(), processes=2)
    kept = [path.name for path in (tmp_path / "b" / "checkpoints").iterdir()]
    assert [name for name in kept if "draft" not in name] == ["step00005"]
    shutil.copytree(tmp_path / "b", tmp_path / "c")
    book = Notebook()
    run_ranks(maker, tmp_path / "b", book, processes=2)
    # DeepSpeed keeps its moments to itself.
    first = 1 if sharding is Sharding.deepspeed else 6
    undisturbed = [line for line in two.found["loose"] if line[0] >= first]
    assert [line for line in book.lines if line[0] >= first] == undisturbed
    assert min(book.column("loss")) == first
    assert fingerprints(two.folder / "loose") == fingerprints(tmp_path / "b")

    with caplog.at_level(logging.WARNING):
        goes_on_alone(tmp_path / "c", loose, undisturbed)
    told = "holds no moments" if first == 1 else "by another number of processes than 1"
    assert told in caplog.text


def goes_on_alone(folder: Path, model: str, undisturbed: list[Any]) -> None:
    """One process goes on from what two have left; only what dropout draws differs."""
    book = Notebook()
    Trains(model=model)(folder, book)
    wanted = {step: numbers["loss"] for step, numbers in undisturbed if "loss" in numbers}
    assert list(book.column("loss")) == list(wanted)
    assert book.column("loss") == pytest.approx(wanted, rel=0.1)


def test_a_quantised_model_is_not_sharded() -> None:
    model = torch.nn.Module()
    model.weight = torch.nn.Parameter(torch.zeros(3, dtype=torch.uint8), requires_grad=False)
    two = World(rank=0, size=2, device=torch.device("cpu"))
    with pytest.raises(ConfigError, match=r"weight is quantised .*runtime\.sharding=none"):
        shared(model, two, Sharding.fsdp)


def test_alone_nothing_is_exchanged() -> None:
    assert ALONE.main
    assert ALONE.summed([1.5, 2.0]) == [1.5, 2.0]
    assert (ALONE.most(3), ALONE.told(0.25)) == (3, 0.25)
