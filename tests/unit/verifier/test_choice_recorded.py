"""The choice verifier beside the labels recorded with real responses."""

from pathlib import Path

import pytest

from benchmarks.choice_labels import agreement, judged, suspect

PRO = {"row_answer": "B", "recorded_pred": "B", "recorded_correct": True}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({**PRO, "response": "So the answer is (B)."}, False),
        ({**PRO, "response": "The best answer is B"}, False),
        ({**PRO, "response": "Answer: B"}, True),
        ({**PRO, "response": "So the answer is (B).", "recorded_correct": False}, True),
        ({"response": "words\n\\boxed{B}"}, False),
        ({"response": "words\n\\boxed{none of them}"}, True),
        ({"response": "(B) first\nIt is a boat."}, True),
        ({"response": "first\nIt is (B) a boat."}, False),
    ],
)
def test_a_label_is_suspect_where_its_source_guessed_it(row: dict, expected: bool) -> None:
    assert suspect(row) == expected


@pytest.mark.data
def test_mmlu_pro_labels_that_are_not_suspect_are_met(data: Path) -> None:
    known = [one for one in judged(data, "mmlu_pro_recorded") if not suspect(one.row)]
    found = agreement(known)
    assert found.answers == 5407
    assert found.agree >= 0.995 * found.answers


@pytest.mark.data
def test_commonsenseqa_labels_are_met(data: Path) -> None:
    found = agreement(list(judged(data, "csqa_recorded")))
    assert found.answers == 8604
    assert found.agree >= 0.99 * found.answers
