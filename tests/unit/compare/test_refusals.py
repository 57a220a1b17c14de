import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.finished_runs import Cell, write_run
from tests.unit.compare.conftest import compared

ITEMS = 30
LIKE = Cell(right=[])


def study(outputs: Path, other: Cell, *, seeds: int = 3) -> list[Path]:
    """Write uniform, and softmax as `other` says."""
    rng = np.random.default_rng(0)
    cells = [
        replace(
            like,
            weighting=weighting,
            seed=seed,
            right=[bool(one) for one in rng.random(ITEMS) < 0.5],
        )
        for weighting, like in (("uniform", LIKE), ("softmax", other))
        for seed in range(seeds)
    ]
    return [write_run(outputs, cell) for cell in cells]


@pytest.mark.parametrize(
    ("other", "kind", "said"),
    [
        (
            Cell(right=[], overrides=("evaluation.batch_size=7",)),
            "settings",
            "evaluation.batch_size: 7 and 100",
        ),
        (Cell(right=[], pool="another pool"), "pool", "learnt from different pools"),
        (Cell(right=[], test_set="version 2"), "test set", "are of another version"),
        (
            Cell(right=[], overrides=("budget=tokens",), tokens=5000),
            "budget",
            "trained on 5000 and 1000 response tokens",
        ),
        (
            Cell(right=[], overrides=("student.epochs=1",)),
            "settings",
            "student.epochs: 1 and 2.0",
        ),
        (
            Cell(right=[], item_ids=[f"quickstart/test/{n:05}" for n in range(2, ITEMS + 2)]),
            "items",
            "4 items were answered in one of the two alone",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused_with_its_reason(
    tmp_path: Path, other: Cell, kind: str, said: str
) -> None:
    found = compared(study(tmp_path, other))
    assert found.weightings == ()
    assert kind in [refusal.kind for refusal in found.refusals]
    assert said in " ".join(refusal.reason for refusal in found.refusals)


def test_another_backend_is_named(tmp_path: Path) -> None:
    folders = study(tmp_path, LIKE)
    for folder in folders[3:]:
        evaluate = next(iter(_manifests(tmp_path, folder)))
        evaluate.write_text(evaluate.read_text().replace('"transformers"', '"vllm"'))
    found = compared(folders)
    assert {refusal.kind for refusal in found.refusals} == {"backend"}
    assert "evaluation.backend: vllm and transformers" in found.refusals[0].reason


@pytest.mark.parametrize("stage", ["weigh", "train"])
def test_arms_of_different_versions_of_a_stage_are_refused(tmp_path: Path, stage: str) -> None:
    folders = study(tmp_path, LIKE)
    for manifest in {one for folder in folders[3:] for one in _manifests(tmp_path, folder, stage)}:
        raw = json.loads(manifest.read_text())
        raw["recipe"]["version"] += 1
        manifest.write_text(json.dumps(raw))
    found = compared(folders)
    assert found.weightings == ()
    assert {refusal.kind for refusal in found.refusals} == {"settings"}
    assert f"version of stage '{stage}': " in found.refusals[0].reason


def test_missing_items_are_all_listed(tmp_path: Path) -> None:
    names = [f"quickstart/test/{n:05}" for n in range(2, ITEMS + 2)]
    found = compared(study(tmp_path, Cell(right=[], item_ids=names)))
    [refusal] = [one for one in found.refusals if one.kind == "items"]
    assert refusal.listed == (
        "quickstart/test/00030: only softmax",
        "quickstart/test/00031: only softmax",
        "quickstart/test/00000: only uniform",
        "quickstart/test/00001: only uniform",
    )


def test_another_budget_that_spent_as_much_is_compared(tmp_path: Path) -> None:
    found = compared(study(tmp_path, Cell(right=[], tokens=1000)))
    assert len(found.weightings) == 1
    assert found.refusals == ()


def test_seeds_of_one_arm_that_differ_in_more_are_no_arm(tmp_path: Path) -> None:
    folders = study(tmp_path, LIKE)[:5]
    rng = np.random.default_rng(1)
    right = [bool(one) for one in rng.random(ITEMS) < 0.5]
    strange = Cell(right=right, weighting="softmax", seed=2, pool="another pool")
    found = compared([*folders, write_run(tmp_path, strange)])
    assert found.weightings == ()
    assert [refusal.kind for refusal in found.refusals] == ["pool"]


def _manifests(outputs: Path, folder: Path, stage: str = "evaluate/student") -> list[Path]:
    stages = json.loads((folder / "stages.json").read_text())
    return [Path(stages[stage]["folder"]) / "manifest.json"]
