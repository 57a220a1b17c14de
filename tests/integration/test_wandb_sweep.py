"""Offline runs of a sweep and of its comparison, read back and held against the local files."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from advdistill.cells import Record, write_record
from advdistill.compare.claims import Comparison
from advdistill.membership import Membership, group_of
from advdistill.offline_runs import read_offline_run
from advdistill.records import Item
from advdistill.tables import read_rows
from advdistill.telling import KEYS, summary_of
from advdistill.telling_comparison import comparison_id, comparison_tables, tell_comparison
from advdistill.tracking import TrackingMode, WandbTracking
from advdistill.watching import Follower
from tests.comparison_by_hand import comparison
from tests.finished_cells import ITEMS, LOSSES, FinishedCell, finished_cell, weights
from tests.wandb_reader import WandbRun, offline_folders, read_run

GROUP = group_of("grid", "0123456789ab")
RIGHT = {("softmax", 0): 7, ("softmax", 1): 6, ("uniform", 0): 5, ("uniform", 1): 4}
"""Items that the student of each cell gets right."""
PER_ANSWER = {"uniform": 0.5, "softmax": 0.25}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A cell, its record and what W&B has of it."""

    cell: FinishedCell
    record: Record
    run: WandbRun

    def table(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a table by column."""
        columns, *rows = self.run.tables[name]
        return [dict(zip(columns, row, strict=True)) for row in rows]


def shown(cell: FinishedCell) -> Shown:
    follower = Follower(cell.plan)
    for name, artefact in cell.artefacts.items():
        follower.take(name, artefact)
    where = follower.finish(cell.artefacts)
    assert where is not None
    record = write_record(cell.plan, cell.artefacts, group=follower.group, tracked=where)
    return Shown(cell=cell, record=record, run=read_run(Path(where)))


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sweep") / "outputs"


@pytest.fixture(scope="module")
def cells(outputs: Path) -> dict[tuple[str, int], Shown]:
    """Two weightings with two seeds each."""
    found = {}
    for (weighting, seed), right in RIGHT.items():
        levels = {"weighting": weighting, "sampling.samples": "2"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("WANDB_MODE", "offline")
            for name, value in Membership(sweep=GROUP, levels=levels).environment.items():
                patch.setenv(name, value)
            found[weighting, seed] = shown(finished_cell(outputs, weighting, seed, right=right))
    return found


def test_a_sweep_is_a_group_and_a_cell_is_a_run(
    cells: dict[tuple[str, int], Shown], outputs: Path
) -> None:
    assert len(offline_folders(outputs)) == len(cells)
    for (weighting, seed), one in cells.items():
        run = one.run
        assert (run.group, run.job_type, run.exit_code) == (GROUP, "cell", 0)
        assert run.run_id == one.record.key[:16]
        assert run.name == f"weighting={weighting} sampling.samples=2 seed={seed}"


def test_levels_are_tags_and_columns(cells: dict[tuple[str, int], Shown]) -> None:
    for (weighting, seed), one in cells.items():
        levels = {
            "weighting": weighting,
            "objective": "weighted_nll",
            "sampling.samples": "2",
            "seed": str(seed),
        }
        assert one.run.tags == [f"{factor}={option}" for factor, option in levels.items()]
        config = one.run.config
        assert {name: one for name, one in config.items() if name.startswith("levels/")} == {
            "levels/weighting": weighting,
            "levels/objective": "weighted_nll",
            "levels/sampling_samples": "2",
            "levels/seed": str(seed),
        }
        assert (config["cell"], config["seed"]) == (one.run.run_id, seed)


def test_every_run_has_the_same_names(cells: dict[tuple[str, int], Shown]) -> None:
    columns = {tuple(tuple(rows[0]) for rows in one.run.tables.values()) for one in cells.values()}
    assert len(columns) == 1
    assert len({tuple(sorted(one.run.summary)) for one in cells.values()}) == 1
    assert len({tuple(sorted(one.run.step_metrics.items())) for one in cells.values()}) == 1


def test_summaries_are_the_local_scores(cells: dict[tuple[str, int], Shown]) -> None:
    for key, one in cells.items():
        record = json.loads((Path(one.record.run) / "record.json").read_text())
        local = {f"{score['role']}/accuracy": score["accuracy"] for score in record["scores"]}
        assert local["student/accuracy"] == RIGHT[key] / ITEMS
        summary = summary_of(one.cell.artefacts)
        assert summary.items() >= local.items()
        assert {name: one.run.summary.get(name) for name in summary} == summary


def test_curves_keep_their_best_and_their_last(cells: dict[tuple[str, int], Shown]) -> None:
    for one in cells.values():
        assert one.run.curve("train/loss") == list(LOSSES)
        assert one.run.summary["train/loss"] == {"min": min(LOSSES), "last": LOSSES[-1]}
        best = 1 / (1 + min(LOSSES))
        last = 1 / (1 + LOSSES[-1])
        assert one.run.summary["train/dev_accuracy"] == pytest.approx({"max": best, "last": last})
        assert one.run.step_metrics["train/*"] == "train/step"


def test_samples_join_on_their_keys(cells: dict[tuple[str, int], Shown]) -> None:
    joined: dict[tuple[Any, ...], dict[str, float]] = {}
    for (_, seed), one in cells.items():
        assert one.run.tables["samples"][0][:2] == list(KEYS)
        for row in one.table("samples"):
            assert (row["cell"], row["levels/seed"]) == (one.run.run_id, str(seed))
            key = tuple(row[name] for name in KEYS)
            joined.setdefault(key, {})[row["levels/weighting"]] = row["weight"]
    assert joined == {
        (row.prompt_id, row.sample): {
            weighting: per_answer * (row.sample + 1) for weighting, per_answer in PER_ANSWER.items()
        }
        for row in weights(1.0)
    }


def test_items_are_those_of_the_evaluation(cells: dict[tuple[str, int], Shown]) -> None:
    for one in cells.values():
        local = {
            role: read_rows(one.cell.artefacts[f"evaluate/{role}"].folder / "items.parquet", Item)
            for role in ("student", "base", "teacher")
        }
        rows = one.table("items")
        assert [row["prompt_id"] for row in rows] == [item.item_id for item in local["student"]]
        for column, role in (("verdict", "student"), ("base_verdict", "base")):
            assert [row[column] for row in rows] == [item.verdict.value for item in local[role]]


def test_what_cells_share_is_one_artifact(cells: dict[tuple[str, int], Shown]) -> None:
    def names(kind: str) -> set[str]:
        return {
            name
            for one in cells.values()
            for name in one.run.artifacts
            if name.rpartition("-")[0] == kind
        }

    counts = {"prompts": 1, "pool": 1, "verdicts": 1, "weights": 2, "student": 4}
    counts |= {"scores-student": 4, "scores-base": 1, "scores-teacher": 1}
    assert {kind: len(names(kind)) for kind in counts} == counts


def test_lineage_runs_from_scores_to_prompts(cells: dict[tuple[str, int], Shown]) -> None:
    for one in cells.values():
        artifacts = one.run.artifacts
        digests = set(one.record.digests.values())
        for artifact in artifacts.values():
            assert artifact.metadata["digest"] in digests
            for name, digest in artifact.metadata["inputs"].items():
                assert artifacts[name].metadata["digest"] == digest
        assert _ancestry(one.run, "scores-student") == {
            "scores-student", "student", "weights", "verdicts", "pool", "prompts",
        }  # fmt: skip


def test_artifacts_lie_where_the_upload_starts(
    cells: dict[tuple[str, int], Shown], outputs: Path
) -> None:
    for one in cells.values():
        files = [entry for each in one.run.artifacts.values() for entry in each.files.values()]
        assert files
        assert all((outputs / entry["local_path"]).is_file() for entry in files)


def test_a_finished_run_says_what_it_was_told(cells: dict[tuple[str, int], Shown]) -> None:
    for one in cells.values():
        assert one.record.tracked is not None
        told = read_offline_run(Path(one.record.tracked)).told
        assert told.run_id == one.run.run_id
        assert told.summary == summary_of(one.cell.artefacts)
        assert told.artifacts.keys() == one.run.artifacts.keys()


def test_a_cell_stays_in_its_group(
    cells: dict[tuple[str, int], Shown], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = cells["softmax", 0]
    assert one.record.group == GROUP
    monkeypatch.setenv("ADVDISTILL_SWEEP", "another-0123456789ab")
    assert Follower(one.cell.plan).recorded(one.record)


@pytest.fixture(scope="module")
def compared() -> Comparison:
    return comparison()


def test_a_comparison_is_a_run_of_its_own(compared: Comparison, tmp_path: Path) -> None:
    tracking = WandbTracking(project="p", entity=None, mode=TrackingMode.offline, samples=0)
    where = tell_comparison(compared, tracking, group=GROUP, outputs=tmp_path)
    assert where is not None
    run = read_run(Path(where))
    assert (run.group, run.job_type, run.run_id) == (GROUP, "compare", comparison_id(GROUP))
    tables = {name: rows for name, rows in comparison_tables(compared).items() if rows}
    assert {"scores", "weightings", "sentences", "looks"} <= tables.keys()
    for name, rows in tables.items():
        assert run.tables[name] == [list(rows[0]), *(list(row.values()) for row in rows)]
    [claim] = compared.weightings
    name = "difference/grid/accuracy/softmax - uniform"
    assert run.summary[name] == claim.estimate
    assert claim.like_items is not None
    assert run.summary[f"{name}/low"] == claim.like_items.interval.low
    assert run.tables["mean_accuracy/grid_table"][1:] == [["softmax", 65.0], ["uniform", 45.0]]
    assert run.tables["difference/grid_table"][1:] == [["softmax - uniform", claim.estimate]]


def _ancestry(run: WandbRun, kind: str) -> set[str]:
    """Return the kinds of all artifacts that the one of this kind was made from, itself too."""
    waiting = [name for name in run.artifacts if name.rpartition("-")[0] == kind]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting += [one for one in run.artifacts[name].metadata["inputs"] if one not in found]
    return {name.rpartition("-")[0] for name in found}
