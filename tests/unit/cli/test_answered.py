import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.cli.answered import id_of, pair_of, read_row
from advdistill.cli.lines import LONGEST_LINE
from advdistill.errors import DataError
from advdistill.records import AnswerKind, Finish

LEAST = {"gold": "18", "response": "18"}


def row(**columns: object) -> bytes:
    """Return a line of JSON with a gold answer, a response and these columns."""
    return json.dumps({**LEAST, **columns}).encode()


def test_a_row_of_every_column() -> None:
    line = row(
        question="6 * 3?", kind="number", metadata={"a": [1, 2.50]}, tokens=7, finish="length", id=3
    )
    prompt, response = pair_of(read_row(line), "rows.jsonl:1")
    assert (prompt.prompt_id, response.prompt_id, response.sample) == (*["rows.jsonl:1"] * 2, 0)
    assert (prompt.question, prompt.answer, prompt.kind) == ("6 * 3?", "18", AnswerKind.number)
    assert (response.text, response.tokens, response.finish) == ("18", 7, Finish.length)
    assert prompt.metadata is not None
    assert json.loads(prompt.metadata) == {"a": [1, 2.5]}


def test_a_row_of_the_least_columns() -> None:
    prompt, response = pair_of(read_row(row()), "p")
    assert (prompt.kind, prompt.choices, prompt.metadata) == (AnswerKind.text, None, None)
    assert (response.tokens, response.finish) == (None, Finish.stop)


def test_null_is_as_good_as_no_column() -> None:
    names = ("question", "choices", "kind", "metadata", "tokens", "finish", "id")
    found = read_row(row(**dict.fromkeys(names)))
    assert pair_of(found, "p") == pair_of(read_row(row()), "p")
    assert id_of(found) is None


def test_options_become_letters_unless_the_kind_says_otherwise() -> None:
    columns = {"choices": {"1": "x", "2": "y"}, "gold": 2}
    prompt, _ = pair_of(read_row(row(**columns)), "p")
    assert (prompt.kind, prompt.choices, prompt.answer) == (AnswerKind.choice, ("x", "y"), "B")
    prompt, _ = pair_of(read_row(row(**columns, kind="number")), "p")
    assert (prompt.kind, prompt.choices, prompt.answer) == (AnswerKind.number, ("x", "y"), "2")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("18", "18"),
        ("-0", "0"),
        ("18.0", "18.0"),
        ("0.1000000000000000000001", "0.1000000000000000000001"),
        ("1e400", "1e400"),
        ("9" * 5000, "9" * 5000),
        ('"\\u00bd"', "½"),
    ],
    ids=lambda text: text[:12],
)
def test_numbers_keep_the_digits_they_are_written_with(written: str, text: str) -> None:
    line = f'{{"gold": {written}, "response": {written}}}'.encode()
    prompt, response = pair_of(read_row(line), "p")
    assert (prompt.answer, response.text) == (text, text)


@pytest.mark.parametrize("value", ["a", 3, 2.5, ""])
def test_an_id_is_given_back_as_it_was(value: object) -> None:
    assert json.dumps(id_of(read_row(row(id=value)))) == json.dumps(value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"x", ["not valid JSON", "one JSON object a line"]),
        (b'{"gold": 1, "resp', ["not valid JSON"]),
        (b"[1]", ["found a list"]),
        (b"12", ["found '12'"]),
        (b"[" * 100_000, ["not valid JSON"]),
        (b'{"gold": "\xff"}', ["0xff", "column 11", "UTF-8"]),
        (b" " * (LONGEST_LINE + 1), ["longer than 32 MiB"]),
    ],
    ids=["word", "torn", "list", "number", "nested", "latin", "long"],
)
def test_a_line_that_is_no_row_is_refused(line: bytes, words: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        read_row(line)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"gold": None}, ["'gold' is null"]),
        ({"response": None}, ["'response' is null", "wanted text or a number"]),
        ({"response": ["18"]}, ["'response' is a list"]),
        ({"response": True}, ["true or false"]),
        ({"gold": {}}, ["'gold' is an object"]),
        ({"finish": "eos"}, ["'finish' is 'eos'", "stop, length, error"]),
        ({"kind": "numeric"}, ["'kind' is 'numeric'", "number, math, choice, text"]),
        ({"tokens": -1}, ["'tokens' is '-1'"]),
        ({"tokens": "7"}, ["'tokens' is '7'"]),
        ({"question": ["?"]}, ["'question' is a list"]),
        ({"choices": ["x", "y"]}, ["'18'", "none of the options"]),
    ],
)
def test_a_column_that_cannot_be_is_refused(columns: dict[str, object], words: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        pair_of(read_row(row(**columns)), "p")
    for word in words:
        assert word in str(caught.value)


def test_a_missing_column_names_those_there_are() -> None:
    with pytest.raises(DataError, match=r"no 'response'.*found: gold, respnse.*'respnse'"):
        pair_of({"gold": "1", "respnse": "1"}, "p")


@pytest.mark.parametrize("value", [[1], {}, True])
def test_an_id_is_text_or_a_number(value: object) -> None:
    with pytest.raises(DataError, match="'id' is"):
        id_of(read_row(row(id=value)))


def test_a_byte_order_mark_is_no_part_of_a_row() -> None:
    assert read_row(b"\xef\xbb\xbf" + row())["gold"] == "18"


def test_what_is_no_number_in_json_is_null() -> None:
    assert read_row(b'{"gold": NaN, "response": -Infinity}') == {"gold": None, "response": None}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["label", "text", "A", "B", "1"]), inner, max_size=3)
    ),
    max_leaves=6,
)
columns = st.sampled_from(
    ["gold", "response", "choices", "kind", "finish", "tokens", "metadata", "id", "question"]
)


@given(st.dictionaries(columns, json_values), st.sampled_from([{}, LEAST]))
def test_every_row_is_a_pair_or_refused(given_row: dict[str, object], rest: dict) -> None:
    found = read_row(json.dumps({**given_row, **rest}).encode())
    try:
        prompt, response = pair_of(found, "p")
        identity = id_of(found)
    except DataError:
        return
    assert isinstance(prompt.answer, str)
    assert isinstance(response.text, str)
    json.dumps(identity, allow_nan=False)


@given(st.binary(max_size=50))
def test_every_line_is_a_row_or_refused(line: bytes) -> None:
    try:
        found = read_row(line)
    except DataError:
        return
    assert isinstance(found, dict)
