import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from advdistill.student.checkpoint import Checkpoints, Progress
from advdistill.student.parallel import World

ALONE = World(rank=0, size=1, device=torch.device("cpu"))


def trained() -> tuple[nn.Module, torch.optim.Optimizer]:
    """Return a small model after one step, so that the optimizer has moments."""
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return model, optimizer


def shelf(folder: Path, *, fingerprint: str = "same", keep: int = 2) -> Checkpoints:
    return Checkpoints(folder=folder, fingerprint=fingerprint, keep=keep, world=ALONE, resumes=True)


def filled(folder: Path, steps: list[int], *, best: int | None = None) -> None:
    model, optimizer = trained()
    for step in steps:
        with torch.no_grad():
            model.weight.fill_(float(step))
        shelf(folder).save(model, optimizer, Progress(step=step, best_step=best, tokens=7 * step))


def test_model_optimizer_and_random_state_come_back(tmp_path: Path) -> None:
    model, optimizer = trained()
    progress = Progress(step=5, best_step=5, best_score=0.5, tokens=70)
    shelf(tmp_path).save(model, optimizer, progress)
    drawn = torch.rand(3)
    other = nn.Linear(3, 2)
    fresh = torch.optim.AdamW(other.parameters(), lr=0.1)
    assert shelf(tmp_path).restore(other, fresh) == progress
    assert torch.equal(torch.rand(3), drawn)
    assert torch.equal(other.weight, model.weight)
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        before, after = optimizer.state[mine], fresh.state[theirs]
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key], after[key]) for key in before)


def test_only_safetensors_and_json_are_written(tmp_path: Path) -> None:
    filled(tmp_path, [5])
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {
        ".safetensors",
        ".json",
    }


def test_the_last_ones_are_kept_and_the_best(tmp_path: Path) -> None:
    filled(tmp_path, [5, 10, 15, 20], best=5)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step00005",
        "step00015",
        "step00020",
    ]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def settings(path: Path) -> None:
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "fingerprint": "another"}))


@pytest.mark.parametrize(
    ("name", "spoil", "reason"),
    [
        ("optimizer.safetensors", Path.unlink, "optimizer.safetensors is missing"),
        ("model.safetensors", cut, "model.safetensors has another checksum"),
        ("manifest.json", cut, "manifest.json is cut off"),
        ("manifest.json", Path.unlink, "manifest.json is missing"),
        ("manifest.json", settings, "other settings or examples"),
    ],
)
def test_one_that_is_not_whole_is_named_and_the_one_before_is_used(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
    spoil: Callable[[Path], None],
    reason: str,
) -> None:
    filled(tmp_path, [5, 10])
    spoil(tmp_path / "step00010" / name)
    model, optimizer = trained()
    with caplog.at_level(logging.WARNING):
        assert shelf(tmp_path).restore(model, optimizer).step == 5
    assert model.weight[0, 0].item() == 5.0
    assert "step00010" in caplog.text
    assert reason in caplog.text


def test_one_whose_best_is_not_whole_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filled(tmp_path, [5, 10], best=5)
    cut(tmp_path / "step00005" / "model.safetensors")
    assert shelf(tmp_path).restore(*trained()) == Progress()
    assert "'step00005', is not whole" in caplog.text


def test_without_any_the_training_starts_again(tmp_path: Path) -> None:
    (tmp_path / "step00005.draft").mkdir()
    assert shelf(tmp_path).restore(*trained()) == Progress()
    assert shelf(tmp_path / "absent").restore(*trained()) == Progress()


def test_a_draft_of_a_killed_process_is_no_obstacle(tmp_path: Path) -> None:
    draft = tmp_path / "step00005.draft"
    draft.mkdir(parents=True)
    (draft / "model.safetensors").write_bytes(b"half")
    filled(tmp_path, [5])
    assert shelf(tmp_path).restore(*trained()).step == 5
    assert not draft.exists()


@dataclass(frozen=True)
class Two:
    """Stands for one of two processes whose writes come one after another."""

    rank: int
    size: int = 2

    @property
    def main(self) -> bool:
        return self.rank == 0

    def told(self, value: float) -> float:
        return value

    def wait(self) -> None:
        """The other has been here."""


def test_the_main_process_writes_what_all_hold_and_its_own_random_state(tmp_path: Path) -> None:
    replace(shelf(tmp_path), world=Two(0)).save(*trained(), Progress(step=5))
    assert sorted(path.name for path in (tmp_path / "step00005").iterdir()) == [
        "manifest.json",
        "model.safetensors",
        "optimizer.safetensors",
        "random.rank0of2.safetensors",
    ]


def test_another_process_writes_its_random_state_alone(tmp_path: Path) -> None:
    (tmp_path / "step00005.draft").mkdir()
    replace(shelf(tmp_path), world=Two(1)).save(*trained(), Progress(step=5))
    (left,) = tmp_path.rglob("*.safetensors")
    assert left.name == "random.rank1of2.safetensors"


def test_another_number_of_processes_draws_anew_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, optimizer = trained()
    replace(shelf(tmp_path), world=Two(0)).save(model, optimizer, Progress(step=5))
    drawn = torch.rand(3)
    with caplog.at_level(logging.WARNING):
        assert shelf(tmp_path).restore(*trained()) == Progress(step=5)
    assert "step00005" in caplog.text
    assert not torch.equal(torch.rand(3), drawn)


def test_what_holds_no_moments_is_not_resumed_and_its_weights_are_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, optimizer = trained()
    without = replace(shelf(tmp_path), resumes=False)
    for shelved, told in (
        (without, "DeepSpeed keeps its moments"),
        (shelf(tmp_path), "no moments"),
    ):
        without.save(model, optimizer, Progress(step=5))
        other = nn.Linear(3, 2)
        without.load_weights(other, 5)
        assert torch.equal(other.weight, model.weight)
        with caplog.at_level(logging.WARNING):
            assert shelved.restore(model, optimizer) == Progress()
        assert told in caplog.text
