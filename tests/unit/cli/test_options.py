import pytest

from advdistill.cli.options import as_text, letter_of, options_of
from advdistill.errors import DataError

XYZ = ("x", "y", "z")


@pytest.mark.parametrize(
    ("choices", "texts", "labels"),
    [
        (["x", "y", "z"], XYZ, None),
        (["x"], ("x",), None),
        ([1, 2.5, "z"], ("1", "2.5", "z"), None),
        ({"A": "x", "B": "y", "C": "z"}, XYZ, ("A", "B", "C")),
        ({"B": "y", "C": "z", "A": "x"}, XYZ, ("A", "B", "C")),
        ({"a": "x", "b": "y", "c": "z"}, XYZ, ("a", "b", "c")),
        ({"1": "x", "2": "y", "3": "z"}, XYZ, ("1", "2", "3")),
        ({"10": "z", "2": "y", "1": "x"}, XYZ, ("1", "2", "10")),
        ({"i": "x", "ii": "y", "iii": "z"}, XYZ, ("i", "ii", "iii")),
        ({"yes": "x", "no": "y"}, ("x", "y"), ("yes", "no")),
        (
            [{"label": "B", "text": "y"}, {"label": "A", "text": "x"}],
            ("x", "y"),
            ("A", "B"),
        ),
        ({"text": ["x", "y", "z"], "label": ["A", "B", "C"]}, XYZ, ("A", "B", "C")),
        ({"text": ["x", "y"], "label": [1, 2]}, ("x", "y"), ("1", "2")),
        ({"label": "x", "text": "y"}, ("x", "y"), ("label", "text")),
    ],
)
def test_options_in_the_order_of_their_letters(
    choices: object, texts: tuple[str, ...], labels: tuple[str, ...] | None
) -> None:
    options = options_of(choices)
    assert (options.texts, options.labels) == (texts, labels)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ("x", ["'x'", "wanted a list or an object"]),
        ([], ["0 options", "wanted 1 to 26"]),
        (["x"] * 27, ["27 options"]),
        (["x", None], ["null", "wanted text"]),
        (["x", ["y"]], ["a list", "wanted text"]),
        ({"A": "x", "B": None}, ["null"]),
        ({"A": "x", "C": "z"}, ["A, C", "wanted A to B without a gap"]),
        ({"b": "x", "c": "z"}, ["b, c", "wanted a to b without a gap"]),
        ([{"label": "A", "text": "x"}] * 2, ["A, A", "without a gap"]),
        ([{"label": "no", "text": "x"}] * 2, ["a label twice", "no, no"]),
        ([{"label": "A", "text": "x"}, {"text": "y"}], ["'label' and 'text'"]),
        ({"label": ["A"], "text": ["x", "y"]}, ["1 labels for 2 texts"]),
    ],
)
def test_what_holds_no_options_is_refused(choices: object, words: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        options_of(choices)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("choices", "gold", "letter"),
    [
        (["x", "y", "z"], "y", "B"),
        (["x", "y", "z"], " Y ", "B"),
        (["x", "y", "z"], "C", "C"),
        (["x", "y", "z"], "c", "C"),
        (["x", "y", "z"], 0, "A"),
        (["x", "y", "z"], 2, "C"),
        # Text comes before the letter.
        (["B", "A"], "A", "B"),
        (["b", "a"], "A", "B"),
        # Spelt alike but for the case: the exact one.
        (["MA", "mA"], "mA", "B"),
        (["3", "21", "6"], "21", "B"),
        (["3", "21", "6"], 21, "B"),
        (["3", "21", "6"], 2, "C"),
        # The text and the place name the same option.
        (["5", "1", "7"], 1, "B"),
        ({"A": "x", "B": "y"}, "B", "B"),
        ({"A": "B", "B": "A"}, "A", "A"),
        ({"A": "x", "B": "y"}, "b", "B"),
        ({"A": "x", "B": "y"}, "y", "B"),
        ({"1": "x", "2": "y"}, "2", "B"),
        ({"1": "x", "2": "y"}, 2, "B"),
        ({"1": "2", "2": "1"}, 2, "B"),
        ({"a": "x", "b": "y"}, "b", "B"),
        ({"yes": "x", "no": "y"}, "no", "B"),
    ],
)
def test_the_gold_answer_becomes_a_letter(choices: object, gold: object, letter: str) -> None:
    assert letter_of(gold, options_of(choices)) == letter


@pytest.mark.parametrize(
    ("choices", "gold", "words"),
    [
        (["x", "y"], "z", ["'z'", "none of the options", "A to B"]),
        (["x", "y"], "C", ["none"]),
        (["x", "y"], 2, ["none"]),
        (["x", "y"], "1", ["none"]),
        (["x", "y"], True, ["true or false"]),
        (["x", "y"], None, ["null"]),
        (["x", "x"], "x", ["A and B"]),
        # The text of one option and the place of another: not guessed at.
        (["1", "0"], 1, ["A and B"]),
        ({"A": "x", "B": "y"}, 0, ["none"]),
    ],
)
def test_a_gold_answer_that_names_none_or_two_is_refused(
    choices: object, gold: object, words: list[str]
) -> None:
    with pytest.raises(DataError) as caught:
        letter_of(gold, options_of(choices))
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("value", [None, True, [], {}])
def test_only_text_and_numbers_are_text(value: object) -> None:
    with pytest.raises(DataError, match=r"'gold' is .*; wanted text or a number"):
        as_text(value, "gold")
