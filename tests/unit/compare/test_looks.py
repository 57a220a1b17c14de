from dataclasses import replace
from pathlib import Path

import pytest

from advdistill.compare.comparison import Question, compare
from advdistill.compare.looking import counted
from advdistill.compare.looks import Look, record_look
from advdistill.errors import DataError
from tests.unit.compare.conftest import Study, members

LOOK = Look(
    task="gsm8k",
    items_digest="ab" * 32,
    checkpoints=("one", "two"),
    metric="accuracy",
    question="weighting against uniform",
    margin=1.0,
)


def test_the_same_look_again_counts_once(tmp_path: Path) -> None:
    first = record_look(tmp_path, LOOK)
    again = record_look(tmp_path, LOOK)
    assert (first.looks, again.looks, again.checkpoints) == (1, 1, 2)
    [path] = (tmp_path / "looks").glob("*.jsonl")
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"checkpoints": ("one", "three")},
        {"question": "weighting against rank"},
        {"metric": "pass@4"},
        {"margin": 2.0},
    ],
)
def test_another_question_or_checkpoint_is_another_look(tmp_path: Path, other: dict) -> None:
    record_look(tmp_path, LOOK)
    found = record_look(tmp_path, replace(LOOK, **other))
    assert found.looks == 2
    assert found.margins == tuple(dict.fromkeys([1.0, other.get("margin", 1.0)]))


def test_other_items_have_a_count_of_their_own(tmp_path: Path) -> None:
    record_look(tmp_path, LOOK)
    assert record_look(tmp_path, replace(LOOK, items_digest="cd" * 32)).looks == 1


def test_a_damaged_record_is_not_counted_over(tmp_path: Path) -> None:
    record_look(tmp_path, LOOK)
    [path] = (tmp_path / "looks").glob("*.jsonl")
    path.write_text("{\n")
    with pytest.raises(DataError, match="line 1 is damaged"):
        record_look(tmp_path, LOOK)


def test_a_second_look_is_noted(study: Study, tmp_path: Path) -> None:
    found = members(study({"uniform": 0.4, "softmax": 0.6}, items=30))
    first = counted(compare(found, Question(), title="t"), found)
    second = counted(compare(found, Question(against="softmax"), title="t"), found)
    assert [(one.looks, one.checkpoints) for one in (*first.looks, *second.looks)] == [
        (1, 6),
        (2, 6),
    ]
    assert any("were looked at 2 times, with 6 checkpoints" in note for note in second.notes)
    assert [path.parent for path in tmp_path.rglob("looks")] == [tmp_path / "outputs"]
