"""Options in every layout that publishers use, and what is wrong with them."""

import pytest

from advdistill.dataset.choices import labelled_problem, option_texts
from advdistill.errors import DataError

PAIRS = [{"label": "A", "text": "red "}, {"label": "B", "text": "blue"}]
COLUMNS = {"label": ["A", "B"], "text": ["red", "blue"]}


@pytest.mark.parametrize(
    "options",
    [
        ["red", " blue"],
        {"A": "red", "B": "blue"},
        {"B": "blue", "A": "red"},
        {"A": "red", "B": "blue", "C": None},
    ],
)
def test_options_come_in_the_order_of_their_letters(options: object):
    assert option_texts({"options": options}, "options", "a:1") == ("red", "blue")


def test_numbers_are_written_out():
    assert option_texts({"options": [1, 2.5]}, "options", "a:1") == ("1", "2.5")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("AB", r"a:1: 'options' is 'AB'; wanted a list of at least 2 texts"),
        (["A"], r"a:1: 'options' is \['A'\]"),
        ({"A": "red"}, r"a:1: 'options' is \['red'\]"),
        (["x"] * 27, "26 at most"),
        (["A", None], r"a:1: 'options\.B' is None; wanted text"),
        (["A", " "], r"a:1: 'options\.B' is empty"),
        ({"A": "red", "C": "blue"}, "a:1: 'options' has the letters A, C; wanted A, B and on"),
        ({"1": "red", "2": "blue"}, "has the letters 1, 2; wanted A, B and on"),
    ],
)
def test_options_that_are_none_are_refused(options: object, message: str):
    with pytest.raises(DataError, match=message):
        option_texts({"options": options}, "options", "a:1")


@pytest.mark.parametrize(
    "row",
    [
        {"question": "Sky?", "choices": COLUMNS, "answerKey": "B"},
        {"question": "Sky?", "choices": PAIRS, "answerKey": "B"},
        {"question": {"stem": "Sky?", "choices": PAIRS}, "answerKey": "B"},
        {
            "question": "Sky?",
            "choices": {"label": ["1", "2"], "text": ["red", "blue"]},
            "answerKey": "2",
        },
        {
            "question": "Sky?",
            "choices": {"label": ["B", "A"], "text": ["red", "blue"]},
            "answerKey": "A",
        },
    ],
)
def test_the_answer_is_the_letter_of_the_place_that_the_label_has(row: dict[str, object]):
    problem = labelled_problem(row, "a:1", question="question")
    assert (problem.question, problem.choices, problem.answer) == ("Sky?", ("red", "blue"), "B")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answerKey": "C"}, "a:1: the answer is 'C' and the options are A, B; wanted the label"),
        ({"answerKey": ""}, "a:1: 'answerKey' is empty"),
        ({"answerKey": None}, "a:1: 'answerKey' is None"),
        ({"choices": {**COLUMNS, "label": ["B", "B"]}}, "the answer is 'B' and the options are B"),
        ({"choices": {**COLUMNS, "label": ["A"]}}, "a:1: 'choices' is .*wanted texts with their"),
        ({"choices": ["red", "blue"]}, "a:1: 'choices' is .*wanted texts with their labels"),
        ({"choices": {**COLUMNS, "text": ["red", ""]}}, r"a:1: 'choices\.B' is empty"),
        ({"choices": [{"text": "red"}, *PAIRS]}, "a:1: no column 'label'; found text"),
        ({"question": None}, "a:1: 'question' is None"),
        ({"question": {"choices": PAIRS}}, "a:1: 'question' is None"),
    ],
)
def test_a_bad_row_is_named(change: dict[str, object], message: str):
    row = {"question": "Sky?", "choices": COLUMNS, "answerKey": "B", **change}
    with pytest.raises(DataError, match=message):
        labelled_problem(row, "a:1", question="question")
