"""What the plots and their tables say, held against numbers worked out by hand."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from advdistill.compare.runs import FinishedRun
from advdistill.making_weights import HEALTH
from advdistill.report.arms import Arm
from advdistill.report.costs import score_against_cost
from advdistill.report.curves import DEV, learning_curves
from advdistill.report.forest import Difference, forest
from advdistill.report.ink import ACCENT, drawing, svg_of
from advdistill.report.lengths import lengths
from advdistill.report.methods import methods, run_table
from advdistill.report.page import page_of
from advdistill.report.weights import right_counts, weight_histograms
from tests.comparisons import comparison_of
from tests.finished import Told
from tests.unit.report.conftest import runs_of


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[FinishedRun]:
    told = [Told(weighting=name, seed=seed) for name in ("uniform", "softmax") for seed in (0, 1)]
    return runs_of(tmp_path_factory.mktemp("outputs"), told)


@pytest.fixture(scope="module")
def arms(runs: list[FinishedRun]) -> list[Arm]:
    return [
        Arm(label="uniform", control=False, runs=tuple(runs[:2])),
        Arm(label="softmax", control=False, runs=tuple(runs[2:])),
    ]


def test_a_plot_names_colours_and_holds_no_style() -> None:
    with drawing(100, 80) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=ACCENT)
        axes.set_title("$x^2$ <b>")
        svg = svg_of(figure, name="one", title="a & b", description="<d>")
    assert 'stroke="var(--accent)"' in svg
    assert "style" not in svg
    assert "$x^2$ &lt;b&gt;" in svg
    assert '<title id="one-title">a &amp; b</title>' in svg
    assert '<desc id="one-description">&lt;d&gt;</desc>' in svg
    assert not re.search(r"#0000\d\d", svg)


def test_a_difference_apart_from_0_is_filled_and_any_other_is_not() -> None:
    one = Difference(
        label="a", estimate=2.0, low=1.0, high=3.0, p_value=0.01, p_adjusted=0.02, over="3 seeds"
    )
    for low, marked in ((1.0, True), (-0.5, False)):
        found = forest("f", "t", [replace(one, low=low)], caption="", margin=1.0)
        assert ('fill="var(--accent)"' in found.panels[0].svg) is marked
    assert found.table.rows == [
        ("a", "3 seeds", "+2.0", "\N{MINUS SIGN}0.5", "+3.0", "0.010", "0.020")
    ]


def test_no_interval_is_said_and_not_drawn() -> None:
    one = Difference(
        label="a", estimate=2.0, low=None, high=None, p_value=None, p_adjusted=None, over="1 seed"
    )
    none = replace(one, estimate=0.0)
    assert "+0.0, no interval" in forest("f", "t", [none], caption="", margin=1.0).panels[0].svg
    found = forest("f", "t", [one], caption="", margin=1.0)
    assert "+2.0, no interval" in found.panels[0].svg


def test_curves_tell_first_best_and_last(arms: list[Arm]) -> None:
    found = learning_curves(DEV, arms)
    assert found is not None
    assert len(found.panels) == 2
    assert found.table.rows[0] == ("uniform", "0", "0", "50", "5", "50", "5")


def test_costs_are_means_over_seeds(runs: list[FinishedRun], arms: list[Arm]) -> None:
    found = score_against_cost("quickstart", comparison_of(runs), arms)
    assert found is not None
    assert len(found.panels) == 2  # the runs were made by this cache, which keeps the time
    assert found.table.rows[0][:5] == ("uniform", "50", "24", "1,005", "5")


def test_arms_whose_labels_begin_alike_are_each_named(
    runs: list[FinishedRun], arms: list[Arm]
) -> None:
    alike = [
        replace(arm, label=f"uniform at equal tokens as {name}")
        for arm, name in zip(arms, ("softmax", "rank"), strict=True)
    ]
    found = score_against_cost("quickstart", comparison_of(runs), alike)
    assert found is not None
    ends = [panel.svg.count("\N{HORIZONTAL ELLIPSIS}<") for panel in found.panels]
    assert ends == [2, 2]


def test_weights_are_told_by_what_the_answer_is(arms: list[Arm]) -> None:
    found = weight_histograms(arms)
    uniform, softmax = found.table.rows
    assert uniform[1:3] == ("1", "1")
    assert softmax[1:5] == ("0.75", "\N{MINUS SIGN}0.25", "25.0", "0.0")


def test_prompts_are_counted_by_right_answers(arms: list[Arm]) -> None:
    rows = right_counts(arms).table.rows
    assert [(name, count) for _, name, count in rows] == [
        ("0/4", "0"), ("1/4", "0"), ("2/4", "6"), ("3/4", "0"), ("4/4", "0"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rights", "wanted"),
    [
        # Of 3 judged answers 1 and 2 are nearest to 1 and 3 of 4; all of 3 are all.
        ({4: [1, 0, 5, 2, 3], 3: [1, 1, 1, 2]}, "0/4: 2, 1/4: 1, 2/4: 5, 3/4: 3, 4/4: 5"),
        ({4: [1, 0, 0, 0, 0], 2: [0, 3, 0]}, "none: 1, 50-60 %: 3"),
        ({20: [1, *[0] * 18, 2, 3]}, "none: 1, 90-100 %: 2, all: 3"),
        ({2: [0, 0, 2], 0: [1]}, "0/2: 1, 1/2: 0, 2/2: 2"),
    ],
)
def test_prompts_with_fewer_judged_answers_stand_where_they_are_nearest(
    tmp_path: Path, rights: dict[int, list[int]], wanted: str
) -> None:
    run, *_ = runs_of(tmp_path, [Told()])
    health = run.stages["weigh"].folder / HEALTH
    health.write_text(json.dumps({"rights": rights}))
    rows = right_counts([Arm(label="a", control=False, runs=(run,))]).table.rows
    by_count = "/" in wanted
    told = [f"{name}: {count}" for _, name, count in rows if by_count or count != "0"]
    assert ", ".join(told) == wanted


def test_lengths_tell_who_was_cut_off(arms: list[Arm]) -> None:
    rows = {row[0]: row for row in lengths("quickstart", arms).table.rows}
    assert list(rows) == ["base student", "teacher", "uniform", "softmax"]
    assert rows["uniform"][6] == "8.3"  # one of twelve, in both seeds


def test_methods_name_seeds_hashes_and_hardware(runs: list[FinishedRun], arms: list[Arm]) -> None:
    text = methods(comparison_of(runs), arms)
    assert "seeds 0 and 1" in text
    assert runs[0].stages["sample"].digest[:12] in text
    assert re.search(r"Hardware of the trainings: .*(core|x )", text)
    assert "torch 2.13" in text
    assert "builtin:tiny_student" in text
    table = run_table(arms)
    assert [row[:3] for row in table.rows[:2]] == [
        ("uniform", "0", "0" * 12), ("uniform", "1", "0" * 12),
    ]  # fmt: skip


def test_one_run_alone_is_shown_without_claims(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, [Told()])
    bare = replace(comparison_of(runs), weightings=(), checkpoints=(), sentences=(), looks=())
    page = page_of(bare, runs)
    assert page.verdict == ()
    assert [section.name for section in page.sections][:2] == ["scores", "learning"]
