"""A whole run, what it leaves, and what a second one makes of it."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.integration.runs import (
    SMALL,
    STAGES,
    Call,
    artefacts,
    call,
    copy_of,
    digests,
    folder_of,
    read_manifest,
    succeed,
)
from tests.wandb_reader import WandbRun, offline_folders, read_run


def record_of(outputs: Path) -> dict:
    [path] = outputs.glob("runs/*/*/record.json")
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def tracked(finished: Path) -> WandbRun:
    [folder] = offline_folders(finished)
    return read_run(folder)


def test_a_fresh_run_makes_every_stage(first_call: Call) -> None:
    assert first_call.made == list(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_the_line_of_each_stage_adds_up(first_call: Call, stage: str) -> None:
    counts = re.match(r"(\d+) [^=]*= ([^;]*)", first_call.lines[stage])
    assert counts is not None
    parts = [int(part.split()[0]) for part in counts[2].split(" + ")]
    assert sum(parts) == int(counts[1]) > 0


def test_stages_hand_on_what_they_were_given(first_call: Call) -> None:
    first = {stage: int(line.split()[0]) for stage, line in first_call.lines.items()}
    assert first["load"] == first["check"] == 24 + 8 + 24
    assert first["sample"] == first["judge"] == first["weigh"] == first["train"] == 24 * 4
    assert {first[f"evaluate/{role}"] for role in ("teacher", "base", "student")} == {24}


def test_the_last_page_says_what_came_out(first_call: Call, finished: Path) -> None:
    page = first_call.out[first_call.out.index("model  ") :]
    for name in ("± s.e.", "items", "truncated", "unparsed"):
        assert name in page.splitlines()[0]
    scores = {score["role"]: score for score in record_of(finished)["scores"]}
    for title, role in (("teacher", "teacher"), ("base student", "base"), ("student", "student")):
        row = re.search(rf"^  {title}  +(.*)$", page, re.MULTILINE)
        assert row is not None
        score = scores[role]
        shares = (f"{score[name]:.1%}" for name in ("accuracy", "stderr", "truncated", "unparsed"))
        accuracy, stderr, truncated, unparsed = shares
        assert row[1].split() == [accuracy, stderr, "24", truncated, unparsed]
    assert re.search(r"on the same 24 items .*exact McNemar p = [\d.e-]+", page)
    [folder] = offline_folders(finished)
    assert f"W&B       {folder.relative_to(finished.parent)}" in page
    assert (
        f"advdistill sync {Path(record_of(finished)['run']).relative_to(finished.parent)}" in page
    )


class TestTheSameCommandAgain:
    @pytest.fixture(scope="class")
    def again(self, finished: Path) -> Call:
        return call(finished, *SMALL, tracking="wandb", python=["-X", "importtime"])

    def test_makes_nothing(self, again: Call) -> None:
        assert again.code == 0
        assert set(again.lines) == set(STAGES)
        assert again.made == []

    def test_shows_the_same_page(self, again: Call, first_call: Call) -> None:
        def page(shown: Call) -> str:
            return shown.out[shown.out.index("model  ") :]

        assert page(again) == page(first_call)

    def test_imports_no_heavy_library(self, again: Call) -> None:
        imported = {
            line.rpartition("|")[2].strip().partition(".")[0] for line in again.err.splitlines()
        }
        assert "advdistill" in imported
        assert imported & {"torch", "transformers", "lm_eval", "datasets", "wandb"} == set()

    @pytest.mark.usefixtures("again")
    def test_writes_no_second_run(self, finished: Path) -> None:
        assert len(list(finished.glob("runs/*/*"))) == 1
        assert len(offline_folders(finished)) == 1


class TestTheTrackedRun:
    def test_names_its_cell(self, tracked: WandbRun, finished: Path) -> None:
        assert tracked.run_id == record_of(finished)["key"][:16]
        assert (tracked.name, tracked.group, tracked.job_type, tracked.exit_code) == (
            "quickstart_small",
            "quickstart_small",
            "cell",
            0,
        )
        assert {
            "weighting=softmax",
            "dataset=quickstart_small",
            "teacher=quickstart_small",
            "student=quickstart_small",
            "verifier=number",
            "objective=weighted_nll",
            "evaluation=lm_eval",
        } <= set(tracked.tags)

    def test_holds_the_configuration(self, tracked: WandbRun) -> None:
        assert tracked.config["teacher.samples"] == 4
        assert tracked.config["student.learning_rate"] == pytest.approx(2e-4)
        assert tracked.config["seed"] == 0

    @pytest.mark.parametrize(
        ("curve", "points"),
        [
            ("sample/answers", 6),
            ("sample/truncated", 6),
            ("judge/pass", 1),
            ("tokenise/answer_tokens", 1),
            ("weigh/effective_samples", 1),
            ("weigh/length_correlation", 1),
            ("train/proof_gradient_gap", 1),
            ("train/loss", 12),
            ("train/dev_accuracy", 5),
            ("evaluate/teacher/accuracy", 1),
            ("evaluate/base/accuracy", 1),
            ("evaluate/student/accuracy", 1),
        ],
    )
    def test_has_curves_of_every_stage(self, tracked: WandbRun, curve: str, points: int) -> None:
        stage = curve.rpartition("/")[0]
        assert len(tracked.curve(curve)) == points
        assert tracked.step_metrics[f"{stage}/*"] == f"{stage}/step"

    def test_has_the_table_of_samples(self, tracked: WandbRun) -> None:
        columns, *rows = tracked.tables["samples"]
        assert columns[:9] == [
            "prompt_id", "sample", "question", "gold", "response", "verdict", "answer", "weight",
            "cell",
        ]  # fmt: skip
        assert len(rows) == 64  # `tracking.samples`
        assert {row[columns.index("verdict")] for row in rows} <= {"pass", "fail"}

    def test_names_what_each_artifact_was_made_from(
        self, tracked: WandbRun, finished: Path
    ) -> None:
        digest = record_of(finished)["digests"]
        by_kind = {name.rpartition("-")[0]: one for name, one in tracked.artifacts.items()}
        pool, student = by_kind["pool"], by_kind["student"]
        assert (pool.type, student.type) == ("dataset", "model")
        assert pool.metadata["digest"] == digest["sample"]
        assert set(pool.metadata["inputs"].values()) == {digest["load"]}
        assert student.metadata["digest"] == digest["train"]
        assert student.metadata["inputs"] == {
            f"{kind}-{digest[stage][:12]}": digest[stage]
            for kind, stage in (
                ("prompts", "load"),
                ("pool", "sample"),
                ("verdicts", "judge"),
                ("weights", "weigh"),
                ("tokens", "tokenise"),
            )
        }

    def test_sums_up_as_the_run_folder_does(self, tracked: WandbRun, finished: Path) -> None:
        for score in record_of(finished)["scores"]:
            for name in ("accuracy", "stderr", "items", "truncated", "unparsed"):
                assert tracked.summary[f"{score['role']}/{name}"] == score[name]

    def test_sums_up_what_was_learnt_from(self, tracked: WandbRun, finished: Path) -> None:
        health = json.loads((folder_of(finished, "weigh") / "health.json").read_text())
        proof = json.loads((folder_of(finished, "train") / "proof.json").read_text())
        assert tracked.summary["weights/effective_share"] == health["effective_share"]
        assert tracked.summary["training/examples_used"] == health["positive"]
        assert tracked.summary["training/proof_gradient_gap"] == proof["gradient_gap"]


def test_another_weighting_trains_on_the_same_pool(finished: Path, tmp_path: Path) -> None:
    outputs = copy_of(finished, tmp_path)
    done = succeed(outputs, "weighting=advantage")
    students = {read_manifest(folder)["digest"] for folder in artefacts(outputs, "train")}
    # Where no step is better on dev than none, both students are the base model.
    assert done.made == ["weigh", "train", "evaluate/student"][: 1 + len(students)]
    assert "negative" in done.lines["weigh"]
    assert [len(artefacts(outputs, stage)) for stage in ("sample", "judge", "train")] == [1, 1, 2]


def test_what_was_deleted_is_made_again_alike(finished: Path, tmp_path: Path) -> None:
    gone = ["judge", "evaluate/base"]
    outputs = copy_of(finished, tmp_path, without=gone)
    assert succeed(outputs).made == gone
    assert digests(outputs) == digests(finished)


def test_what_was_changed_is_set_aside_and_made_again(finished: Path, tmp_path: Path) -> None:
    outputs = copy_of(finished, tmp_path)
    pool = folder_of(outputs, "sample")
    shard = pool / "shards" / "00000.parquet"
    changed = bytearray(shard.read_bytes())
    changed[len(changed) // 2] ^= 1
    shard.write_bytes(changed)
    (folder_of(outputs, "weigh") / "manifest.json").unlink()
    (folder_of(outputs, "judge") / "manifest.json").write_text("{")
    done = succeed(outputs)
    assert done.made == ["sample", "judge", "weigh"]
    assert "shards/00000.parquet" in done.out
    assert digests(outputs) == digests(finished)
    assert pool.with_name(f"{pool.name}.broken").is_dir()


def test_outputs_without_their_runs_are_only_recorded_anew(finished: Path, tmp_path: Path) -> None:
    outputs = copy_of(finished, tmp_path)
    shutil.rmtree(outputs / "runs")
    assert succeed(outputs).made == []
    kept = ("digests", "scores", "against_base")
    assert [record_of(outputs)[name] for name in kept] == [
        record_of(finished)[name] for name in kept
    ]
