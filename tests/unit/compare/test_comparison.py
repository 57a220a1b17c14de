import json
from dataclasses import replace
from pathlib import Path

import pytest

from advdistill.cache import CURVES
from advdistill.compare.claims import Finding, MarginSource
from advdistill.compare.comparison import Question, compare
from advdistill.compare.runs import read_run
from advdistill.errors import ConfigError
from tests.finished_runs import Cell, write_run
from tests.unit.compare.conftest import Study, compared, members


def test_a_weighting_that_is_best_is_found(study: Study) -> None:
    found = compared(study({"uniform": 0.4, "softmax": 0.75, "rank": 0.4}))
    by_first = {claim.first: claim for claim in found.weightings}
    assert by_first["softmax"].like_items is not None
    assert by_first["softmax"].like_items.finding is Finding.better
    assert by_first["rank"].like_items is not None
    assert by_first["rank"].like_items.finding is Finding.open
    assert found.sentences[0].startswith("softmax beats uniform by ")
    assert "3 seeds, 120 items" in found.sentences[0]
    assert "No null cell mixes up the weights of softmax" in found.sentences[0]


def test_where_none_is_better_it_is_said_so(study: Study) -> None:
    found = compared(study({"uniform": 0.5, "softmax": 0.5}))
    [sentence] = found.sentences
    assert sentence.startswith("Whether softmax differs from uniform is open: ")


def test_a_lucky_seed_does_not_make_a_weighting_better(study: Study) -> None:
    found = compared(study({"uniform": 0.5, "softmax": [0.95, 0.5, 0.5]}))
    [claim] = found.weightings
    assert claim.like_items is not None
    assert claim.like_items.finding is Finding.open
    lucky = next(one for one in found.checkpoints if one.seed == 0 and one.second == "uniform")
    assert lucky.p_value < 1e-6


def test_a_null_cell_that_does_as_well_takes_the_credit(study: Study) -> None:
    found = compared(study({"uniform": 0.35, "softmax": 0.75, "shuffled": 0.75}))
    assert found.sentences[0].startswith("softmax beats uniform by ")
    assert "It does not beat shuffled weights (" in found.sentences[0]
    assert "that the right answers get the weight is not shown to matter" in found.sentences[0]


def test_a_null_cell_that_falls_behind_leaves_the_credit(study: Study) -> None:
    found = compared(study({"uniform": 0.35, "softmax": 0.75, "shuffled": 0.35}))
    assert "It also beats shuffled weights (" in found.sentences[0]


def test_a_null_cell_is_held_against_the_weighting_that_it_mixes_up_alone(study: Study) -> None:
    found = compared(study({"uniform": 0.5, "rank": 0.5, "shuffled": 0.5}))
    assert [claim.second for claim in found.weightings] == ["uniform"]


def test_one_seed_each_says_something_of_checkpoints_and_nothing_of_arms(study: Study) -> None:
    found = compared(study({"uniform": 0.3, "softmax": 0.8}, seeds=1))
    assert found.weightings == ()
    [refusal] = found.refusals
    assert refusal.kind == "seeds"
    assert "not whether the arms do, since another seed could turn the sign" in refusal.reason
    [sentence] = found.sentences
    assert sentence.startswith("These two checkpoints, softmax and uniform of seed 0, differ")


def test_seeds_that_all_give_the_same_difference_claim_nothing(tmp_path: Path) -> None:
    right = {"uniform": [True, False, False, True], "softmax": [True, True, False, True]}
    folders = [
        write_run(tmp_path, Cell(right=row, weighting=name, seed=seed))
        for name, row in right.items()
        for seed in range(3)
    ]
    [sentence] = compared(folders).sentences
    assert sentence.startswith("Whether softmax differs from uniform cannot be said")


def test_equal_arms_with_many_items_differ_by_less_than_a_wide_margin(study: Study) -> None:
    folders = study({"uniform": 0.5, "softmax": 0.5}, seeds=5, items=400)
    found = compared(folders, Question(margin=20.0))
    assert found.sentences[0].startswith("softmax and uniform differ by less than the margin")
    assert found.margin.source is MarginSource.comparison
    assert any("chosen after the scores were seen" in note for note in found.notes)


def test_the_margin_that_the_runs_declare_is_used(study: Study) -> None:
    folders = study({"uniform": 0.5, "softmax": 0.5}, like=Cell(right=[], settings={"margin": 2.5}))
    margin = compared(folders).margin
    assert (margin.points, margin.source) == (2.5, MarginSource.run)
    assert compared(folders, Question(margin=2.5)).margin.source is MarginSource.run


def test_runs_that_declare_different_margins_are_asked_for_one(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path, Cell(right=[True], seed=seed, settings={"margin": 1.0 + seed}))
        for seed in range(2)
    ]
    with pytest.raises(ConfigError, match="declare different margins"):
        compared(folders)


def test_another_baseline_can_be_asked_for(study: Study) -> None:
    folders = study({"uniform": 0.4, "softmax": 0.8})
    for against in ("softmax", "weighting=softmax"):
        found = compared(folders, Question(against=against))
        assert found.sentences[0].startswith("uniform falls behind softmax by ")
    with pytest.raises(ConfigError, match="wanted one of weighting=uniform, weighting=softmax"):
        compared(folders, Question(against="rank"))


def test_two_factors_are_compared_within_each_level_and_modelled(study: Study) -> None:
    arms = {
        f"{weighting} student.epochs={epochs}": share
        for weighting, share in (("uniform", 0.35), ("softmax", 0.75))
        for epochs in (1, 3)
    }
    found = compared(study(arms))
    assert len(found.weightings) == 2
    assert {tuple(claim.context) for claim in found.weightings} == {("student",)}
    assert [effect.term for effect in found.effects] == [
        "weighting",
        "student",
        "weighting : student",
    ]
    assert found.effects[0].p_holm < 0.01 < found.effects[1].p_holm


def test_a_missing_seed_is_said_and_not_hidden(study: Study) -> None:
    folders = study({"uniform": 0.5, "softmax": 0.5}, seeds=4)
    found = compared(folders[:-1])
    assert found.weightings[0].seeds == (0, 1, 2)
    assert any("softmax has no finished run of seed 3" in note for note in found.notes)


def test_unequal_training_is_said(study: Study, tmp_path: Path) -> None:
    folders = study({"uniform": 0.5}) + study({"softmax": 0.5}, like=Cell(right=[], tokens=500))
    notes = compared(folders).notes
    assert any("softmax trained on 500 response tokens, uniform on 1,000" in one for one in notes)


def test_an_arm_whose_right_answers_became_less_likely_is_named(study: Study) -> None:
    folders = study({"uniform": 0.5, "softmax": 0.5})
    for folder in folders:
        run = read_run(folder)
        learnt = run.choices["weighting"] == "uniform" or run.seed == 2
        rows = [
            {"step": 1, "right_logprob": -0.2},
            {"step": 2, "right_logprob": -0.1 - (not learnt)},
        ]
        (run.stages["train"].folder / CURVES).write_text("\n".join(map(json.dumps, rows)))
    [note] = [note for note in compared(folders).notes if "less likely" in note]
    assert note.startswith(
        "In 2 of 3 trainings of softmax the pool's right answers became less likely to the "
        "student, from -0.20 to -1.10 nats per token"
    )


def test_all_claims_name_their_pool(study: Study) -> None:
    assert any(
        "hold for the one pool" in n for n in compared(study({"uniform": 0.4, "rank": 0.6})).notes
    )


def test_a_run_whose_answers_changed_is_left_out_aloud(study: Study) -> None:
    folders = study({"uniform": 0.4, "softmax": 0.6}, seeds=4)
    record = json.loads((folders[0] / "record.json").read_text())
    record["scores"][1]["accuracy"] += 0.1
    (folders[0] / "record.json").write_text(json.dumps(record))
    found = compared(folders)
    assert [refusal.kind for refusal in found.refusals] == ["torn"]
    assert "its answers give" in found.refusals[0].reason
    assert found.weightings[0].seeds == (1, 2, 3)


def test_the_same_cell_twice_counts_once_unless_its_students_differ(study: Study) -> None:
    folders = study({"uniform": 0.5, "softmax": 0.5})
    again = [*members(folders), *members(folders)]
    assert compare(again, Question(), title="t").weightings == compared(folders).weightings


def test_what_was_not_scored_is_no_task(study: Study) -> None:
    with pytest.raises(ConfigError, match="none of the runs was scored on it"):
        compared(study({"uniform": 0.5}, seeds=1), Question(task="gsm8k"))
    with pytest.raises(ConfigError, match="1 answers per item"):
        compared(study({"uniform": 0.5}, seeds=1), Question(metric="pass@2"))


SAMPLES = ("evaluation.samples=4", "evaluation.temperature=1.0")


@pytest.mark.parametrize(
    ("metric", "uniform", "softmax"),
    [
        ("accuracy", 2 / 4, 3 / 4),
        ("pass@2", 1 - 1 / 6, 1),
        ("pass@4", 1, 1),
        # Of the four draws of three: 1 0 2 in two of them, a tie of three; 1 1 0 and 1 1 2.
        ("maj@3", (1 / 3 + 1 / 3 + 1 + 1) / 4, 1),
        ("maj@4", 1, 1),
    ],
)
def test_several_answers_an_item_are_scored_by_each_metric(
    tmp_path: Path, metric: str, uniform: float, softmax: float
) -> None:
    """Every second item is right throughout, the others as by hand."""
    read = {"uniform": ("1102", "1111"), "softmax": ("1110", "1111")}
    folders = [
        write_run(
            tmp_path / "outputs",
            Cell(right=[], read=30 * both, weighting=name, seed=seed, overrides=SAMPLES),
        )
        for name, both in read.items()
        for seed in range(3)
    ]
    found = compared(folders, Question(metric=metric))
    scores = {cell.arm: cell.value for cell in found.cells if cell.role == "student"}
    assert scores["uniform"] == pytest.approx(100 * (uniform + 1) / 2)
    assert scores["softmax"] == pytest.approx(100 * (softmax + 1) / 2)
    [claim] = found.weightings
    assert claim.metric == metric
    assert claim.estimate == pytest.approx(scores["softmax"] - scores["uniform"])


def test_uniform_at_equal_tokens_is_a_null_cell_of_the_arm_that_spent_as_much(study: Study) -> None:
    folders = study({"uniform": 0.35, "softmax": 0.75})
    equal = study({"uniform budget=tokens": 0.75}, like=Cell(right=[], tokens=980))
    spelt = [*["uniform"] * 3, *["softmax"] * 3, *["uniform at equal tokens as softmax"] * 3]
    found = [
        replace(member, levels={"weighting": level}, control=level.endswith("as softmax"))
        for member, level in zip(members([*folders, *equal]), spelt, strict=True)
    ]
    comparison = compare(found, Question(), title="t")
    assert "It does not beat uniform weights at equal tokens (" in comparison.sentences[0]
