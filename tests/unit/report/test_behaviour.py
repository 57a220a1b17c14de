from pathlib import Path

from advdistill.report.arms import Arm, arms_of
from advdistill.report.behaviour import changes
from tests.comparisons import comparison_of
from tests.finished import Told
from tests.unit.report.conftest import runs_of


def test_changes_count_who_gets_what_right(tmp_path: Path) -> None:
    right = {"teacher": range(10), "base": [0, 1, 2], "student": [1, 2, 3, 4]}
    [run] = runs_of(tmp_path, [Told(right=right, problems=12)])
    base, teacher = changes("quickstart", [Arm(label="a", control=False, runs=(run,))])
    assert (base.both, base.only_other, base.only_arm, base.neither) == (2, 1, 2, 7)
    assert base.share(base.both) == 2 / 12
    assert (teacher.both, teacher.only_other, teacher.only_arm, teacher.neither) == (4, 6, 0, 2)


def test_seeds_add_up_and_unpaired_answers_are_counted_apart(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, [Told(seed=0), Told(seed=1)])
    items = runs[0].items
    [base, _] = changes("quickstart", [Arm(label="a", control=False, runs=tuple(runs))])
    assert base.answers == sum(len(items("quickstart", "student")) for _ in runs)
    assert base.unpaired == 0


def test_a_control_of_an_arms_own_name_has_another_label(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, [Told(weighting="uniform"), Told(weighting="shuffled")])
    comparison = comparison_of(runs, arms={"shuffled": "uniform"})
    assert [(arm.label, arm.control) for arm in arms_of(comparison, runs)] == [
        ("uniform", False),
        ("uniform, control", True),
    ]
