import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from advdistill.budget import Budget, BudgetUnit
from advdistill.cache import CURVES, Artefact, Recipe
from advdistill.cells import ModelScore, Record
from advdistill.digests import settings_of
from advdistill.pipeline import Outcome
from advdistill.statistics.mcnemar import Discordance
from advdistill.summary import learning_lines, lines, show


def score(
    role: str,
    accuracy: float,
    *,
    task: str = "q",
    truncated: float = 0.0,
    more: Mapping[str, float] | None = None,
) -> ModelScore:
    return ModelScore(
        role=role,
        task=task,
        items=600,
        accuracy=accuracy,
        stderr=0.02,
        truncated=truncated,
        unparsed=0.01,
        more=more or {},
    )


RECORD = Record(
    key="k",
    run="/elsewhere/runs/q",
    digests={},
    scores=[score("teacher", 0.9), score("base", 0.256), score("student", 0.5)],
    against_base={"q": Discordance(only_first=180, only_second=33, p_value=1.23e-9)},
    tracking="t",
    group="g",
    tracked=None,
)


HEALTH = {
    "effective_samples": 1070.4,
    "effective_share": 0.564,
    "largest_share": 0.004,
    "negative_share": 0.0,
}
COUNTS = {
    "line": "shown elsewhere",
    "steps": 64,
    "best_step": None,
    "examples_used": 1896,
    "tokens": 30000,
}


def artefact(folder: Path, meta: Mapping[str, object], **settings: object) -> Artefact:
    recipe = Recipe(stage="s", version=1, settings=settings, inputs={})
    return Artefact(folder=folder, recipe=recipe, digest="d", files={}, meta=meta, made=True)


def learnt(folder: Path, budget: Budget) -> dict[str, Artefact]:
    return {
        "weigh": artefact(folder / "weigh", {"health": HEALTH}),
        "train": artefact(folder, COUNTS, budget=settings_of(budget)),
    }


@pytest.mark.parametrize(
    ("budget", "spelt"),
    [
        (Budget(unit=BudgetUnit.none, amount=1.0), "budget none"),
        (Budget(unit=BudgetUnit.tokens, amount=4096.0), "budget 4096 tokens per prompt"),
    ],
)
def test_what_was_learnt_from_is_told(tmp_path: Path, budget: Budget, spelt: str) -> None:
    assert list(learning_lines(learnt(tmp_path, budget))) == [
        "\nWeights   effective sample size 1070, a share of 0.56, negative share 0, "
        "largest weight's share 0.004",
        f"Training  1896 answers, 30000 response tokens in 64 steps; {spelt}",
    ]


def test_the_proof_is_told_from_the_curves(tmp_path: Path) -> None:
    rows = [
        {"step": 0, "proof_loss_gap": 3e-9, "proof_gradient_gap": 2.4e-7},
        {"step": 0, "dev_accuracy": 0.1},
        {"step": 1, "loss": 0.5},
    ]
    (tmp_path / CURVES).write_text("".join(json.dumps(row) + "\n" for row in rows))
    *_, last = learning_lines(learnt(tmp_path, Budget(unit=BudgetUnit.none, amount=1.0)))
    assert last == (
        "Proof     gradient within 2e-07, loss within 3e-09 of a plain computation, "
        "before the first step"
    )


@pytest.mark.parametrize(("after", "told"), [(-0.1, False), (-0.5, True)])
def test_right_answers_that_became_less_likely_are_told(
    tmp_path: Path, after: float, told: bool
) -> None:
    rows = [
        {"step": 1, "right_logprob": -0.12, "wrong_logprob": -0.44},
        {"step": 2, "right_logprob": after, "wrong_logprob": -0.7},
    ]
    (tmp_path / CURVES).write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = list(learning_lines(learnt(tmp_path, Budget(unit=BudgetUnit.none, amount=1.0))))
    assert found[2] == (
        f"Log-prob  per token of the pool's right answers -0.12 before and {after:.2f} after, "
        "wrong answers -0.44 before and -0.70 after"
    )
    assert any(line.startswith("Note: the pool's right answers") for line in found) is told


def said(record: Record) -> str:
    return "\n".join(lines(record))


def test_the_difference_stands_with_its_counts_and_p_value() -> None:
    assert (
        "Student minus base: +24.4 points on the same 600 items (180 only the student gets, "
        "33 only the base; exact McNemar p = 1.2e-09)."
    ) in said(RECORD)


def test_a_loss_is_told_as_one() -> None:
    worse = [score("base", 0.5), score("student", 0.499)]
    assert "Student minus base: -0.1 points" in said(replace(RECORD, scores=worse))


def test_another_set_has_rows_and_a_sentence_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    elsewhere = [score("base", 0.1, task="svamp"), score("student", 0.2, task="svamp")]
    against = Discordance(only_first=70, only_second=10, p_value=0.001)
    record = replace(
        RECORD,
        scores=[*RECORD.scores, *elsewhere],
        against_base={**RECORD.against_base, "svamp": against},
    )
    assert "Student minus base, svamp: +10.0 points on the same 600 items (70 only" in said(record)
    show(Outcome(artefacts={}, record=record))
    assert "student, svamp" in capsys.readouterr().out


def test_what_else_was_measured_has_a_table_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scores = [score("base", 0.5, more={"pass@2": 0.75}), score("student", 0.6)]
    show(Outcome(artefacts={}, record=replace(RECORD, scores=scores, against_base={})))
    page = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["q,", "also", "base", "student", "student"] in page
    assert ["pass@2", "75.0%"] in page


@pytest.mark.parametrize(("share", "told"), [(0.02, False), (0.021, True)])
def test_answers_cut_off_in_numbers_are_pointed_at(share: float, told: bool) -> None:
    cut = replace(RECORD, scores=[score("base", 0.5), score("student", 0.4, truncated=share)])
    note = "2% of the answers of the student were cut off; raise evaluation.max_tokens"
    assert (note in said(cut)) is told


def test_paths_below_the_current_folder_are_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "Run       outputs/q" in said(replace(RECORD, run=str(tmp_path / "outputs/q")))
    assert "Run       /elsewhere/runs/q" in said(RECORD)


def test_an_offline_run_can_be_uploaded_and_an_online_one_is_an_address(tmp_path: Path) -> None:
    offline = said(replace(RECORD, tracked=str(tmp_path)))
    assert f"advdistill sync {RECORD.run}" in offline
    online = said(replace(RECORD, tracked="https://wandb.example/r/1"))
    assert "W&B       https://wandb.example/r/1" in online
    assert "advdistill sync" not in online
    assert "W&B" not in said(RECORD)


def test_the_page_has_a_row_for_each_model(capsys: pytest.CaptureFixture[str]) -> None:
    show(Outcome(artefacts={}, record=RECORD))
    page = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["teacher", "90.0%", "2.0%", "600", "0.0%", "1.0%"] in page
    assert ["base", "student", "25.6%", "2.0%", "600", "0.0%", "1.0%"] in page
    assert ["student", "50.0%", "2.0%", "600", "0.0%", "1.0%"] in page


def test_a_run_without_scores_still_says_where_it_lies(capsys: pytest.CaptureFixture[str]) -> None:
    show(Outcome(artefacts={}, record=replace(RECORD, scores=[], against_base={})))
    assert capsys.readouterr().out.strip() == "Run       /elsewhere/runs/q"
