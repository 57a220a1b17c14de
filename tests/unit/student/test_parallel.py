import json
import logging
import shutil
from dataclasses import astuple, dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from advdistill.errors import ConfigError, StageError
from advdistill.interfaces import Sharding
from advdistill.ranks import run_ranks
from advdistill.student.parallel import World, shared
from advdistill.student.share import deal
from tests.tiny import tiny_model
from tests.unit.student.ranks import ALONE, CASES, Both, Case, Trains, weights
from tests.unit.student.students import OBJECTIVE, Notebook, fingerprints

pytestmark = pytest.mark.timeout(240)
several = pytest.mark.parametrize("sharding", [Sharding.none, Sharding.fsdp])


@dataclass(frozen=True)
class Result:
    """What `Both` left and told."""

    folder: Path
    cases: dict[str, dict]
    book: Notebook


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_model(tmp_path_factory.mktemp("student"))


@pytest.fixture(scope="module")
def one(model: str, tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder, book = tmp_path_factory.mktemp("one"), Notebook()
    return Result(folder, Both(model=model, sharding=Sharding.none)(folder, book), book)


@pytest.fixture(scope="module", params=[Sharding.none, Sharding.fsdp])
def two(model: str, tmp_path_factory: pytest.TempPathFactory, request) -> Result:
    folder, book = tmp_path_factory.mktemp("two"), Notebook()
    maker = Both(model=model, sharding=request.param)
    return Result(folder, run_ranks(maker, folder, book, processes=2), book)


@pytest.mark.slow
def test_two_processes_have_the_gradient_of_one(one: Result, two: Result) -> None:
    for number in map(str, range(len(CASES))):
        found, wanted = two.cases[number], one.cases[number]
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
    whole = one.cases["0"]["held"]
    case = two.cases["0"]
    assert case["held"] == pytest.approx(whole / 2 if case["parts"] else whole, rel=0.01)


@pytest.mark.slow
def test_only_a_sharded_model_lies_in_parts(two: Result, request: pytest.FixtureRequest) -> None:
    sharded = request.node.callspec.params["two"] is Sharding.fsdp
    assert {case["parts"] for case in two.cases.values()} == {sharded}


@pytest.mark.slow
@several
def test_a_killed_rank_ends_all_and_the_rest_is_as_if_undisturbed(
    sharding: Sharding, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With dropout, so that each rank's random state has to come back too."""
    maker = Trains(model=tiny_model(tmp_path / "base", attention_dropout=0.1), sharding=sharding)
    killed = Trains(model=maker.model, sharding=sharding, kill_rank="1")
    books = {name: Notebook() for name in ("a", "killed", "b")}
    run_ranks(maker, tmp_path / "a", books["a"], processes=2)
    with pytest.raises(StageError, match="rank 1 of the 2 processes of Trains ended with exit cod"):
        run_ranks(killed, tmp_path / "b", books["killed"], processes=2)
    kept = tmp_path / "b" / "checkpoints"
    assert [path.name for path in kept.iterdir() if "draft" not in path.name] == ["step00005"]
    shutil.copytree(tmp_path / "b", tmp_path / "c")
    run_ranks(maker, tmp_path / "b", books["b"], processes=2)
    updates = [line for line in books["a"].lines if "learning_rate" in line[1]]
    assert [line for line in books["b"].lines if "learning_rate" in line[1]] == updates[5:]
    assert fingerprints(tmp_path / "a") == fingerprints(tmp_path / "b")

    book = Notebook()
    with caplog.at_level(logging.WARNING):
        Trains(model=maker.model)(tmp_path / "c", book)
    assert "by another number of processes than 1" in caplog.text
    assert list(book.column("loss")) == [6, 7, 8, 9, 10]
    assert book.column("loss") == pytest.approx(
        {step: loss for step, loss in books["a"].column("loss").items() if step > 5}, rel=0.2
    )


def rows(prompts: int) -> list:
    return Case(objective=OBJECTIVE, prompts=prompts, row_tokens=80).rows()


@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_each_prompt_is_dealt_whole_to_one_process(size: int) -> None:
    given = rows(8)
    parts = deal(given, size)
    assert len(parts) == size
    owners = [{row.prompt_id for row in part} for part in parts]
    assert sum(map(len, owners)) == len(set.union(*owners)) == 7
    for part in parts:
        assert [row for row in given if any(row is mine for mine in part)] == part
    assert sum(map(len, parts)) == len(given)


def test_what_is_dealt_is_even_in_tokens_and_always_the_same() -> None:
    given = rows(40)
    parts = deal(given, 3)
    loads = [sum(len(row.ids) for row in part) for part in parts]
    assert max(loads) < 1.1 * min(loads)
    assert deal(given, 3) == parts
    assert deal([given[0]], 3) == [[given[0]], [], []]


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
