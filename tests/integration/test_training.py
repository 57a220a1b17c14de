"""What stands between a pool and a student: limits, budgets, references, the proof."""

import json
import re
from pathlib import Path

import pytest

from tests.integration.runs import (
    SMALL,
    Call,
    artefacts,
    call,
    copy_of,
    digests,
    folder_of,
    succeed,
)


def test_the_page_says_what_was_learnt_from(first_call: Call, finished: Path) -> None:
    counts = json.loads((folder_of(finished, "train") / "training.json").read_text())
    assert (
        f"Training  {counts['examples_used']} answers, {counts['tokens']} response tokens in "
        f"{counts['steps']} steps; budget none" in first_call.out
    )
    assert "Weights   effective sample size " in first_call.out
    assert re.search(r"Proof     gradient within \d+e-\d+, loss within ", first_call.out)


def test_every_group_is_in_the_histogram(finished: Path) -> None:
    health = json.loads((folder_of(finished, "weigh") / "health.json").read_text())
    assert sum(map(sum, health["rights"].values())) == 24


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["limits.min_mixed_groups=1"], ["whose rewards differ", "limits.min_mixed_groups"]),
        (
            ["weighting=advantage", "limits.max_negative_share=0.01"],
            ["negative weights", "at most 0.01", "limits.max_negative_share"],
        ),
    ],
    ids=["mixed", "negative"],
)
def test_weights_beyond_a_limit_stop_before_training(
    finished: Path, tmp_path: Path, overrides: list[str], words: list[str]
) -> None:
    outputs = copy_of(finished, tmp_path)
    done = call(outputs, *SMALL, *overrides)
    assert done.code == 1
    [message] = done.messages
    assert message.startswith("StageError: stage 'weigh': ")
    for word in words:
        assert word in message
    assert digests(outputs).items() >= digests(finished).items()
    assert len(artefacts(outputs, "train")) == 1


def test_a_limit_is_no_part_of_any_key(finished: Path, tmp_path: Path) -> None:
    outputs = copy_of(finished, tmp_path)
    assert succeed(outputs, "limits.min_effective_share=0.01").made == []


def test_weights_that_are_all_zero_stop_before_training(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"question": "1 + 1?", "answer": "2"}\n')
    answers = tmp_path / "answers.jsonl"
    answers.write_text('{"question": "1 + 1?", "response": "#### 3"}\n' * 2)
    done = call(
        tmp_path / "outputs",
        *SMALL,
        "dataset=jsonl",
        "dataset.name=own",
        f"dataset.train_path={rows}",
        "teacher=recorded",
        f"teacher.path={answers}",
        "weighting=correct_only",
    )
    assert done.code == 1
    [message] = [line for line in done.messages if "StageError" in line]
    assert "none of 2 answers has a weight (0% of the groups mixed, 0% all right, 100%" in message
    assert artefacts(tmp_path / "outputs", "train") == []


def test_a_budget_of_weight_weighs_and_trains_anew(finished: Path, tmp_path: Path) -> None:
    outputs = copy_of(finished, tmp_path)
    done = succeed(outputs, "budget=weight", "student.max_steps=1")
    assert [name for name in done.made if name != "evaluate/student"] == ["weigh", "train"]
    assert "budget 8 weight per prompt" in done.out


class TestAnObjectiveThatAsksForReferences:
    @pytest.fixture(scope="class")
    def outputs(self, finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return copy_of(finished, tmp_path_factory.mktemp("references"))

    @pytest.mark.parametrize(
        ("overrides", "made"),
        [
            (["objective.beta=0.1"], ["refer", "train"]),
            (["objective.beta=0.7"], ["train"]),
            pytest.param(
                ["student.learning_rate=1e-3", "weighting=uniform"],
                ["weigh", "train"],
                marks=pytest.mark.long,
            ),
            (["student.dtype=bfloat16"], ["refer", "train"]),
        ],
        ids=["first", "objective", "student", "precision"],
    )
    def test_has_them_made_once_for_all_its_arms(
        self, outputs: Path, overrides: list[str], made: list[str]
    ) -> None:
        done = succeed(outputs, "objective=dpo", "student.max_steps=1", *overrides)
        assert [name for name in done.made if name != "evaluate/student"] == made
        assert (
            done.lines["refer"] == "96 answers = 96 with the base student's log-prob + 0 too long"
        )

    def test_alone_has_them_made(self, first_call: Call) -> None:
        assert "refer" not in first_call.lines
