import inspect

import pytest

from tests.cases import each


def test_every_case_is_tried_and_the_other_arguments_stay() -> None:
    seen: list[tuple[int, str]] = []

    @each("number", [1, 2])
    @each("letter", {"first": "a", "second": "b"})
    def looked_at(number: int, letter: str) -> None:
        seen.append((number, letter))

    assert not inspect.signature(looked_at).parameters
    looked_at()
    assert seen == [(1, "a"), (1, "b"), (2, "a"), (2, "b")]


def test_a_failure_names_its_case() -> None:
    @each("number", {"one": 1, "two": 2})
    def is_one(number: int) -> None:
        assert number == 1

    with pytest.raises(AssertionError) as raised:
        is_one()
    assert raised.value.__notes__ == ["number: two"]


def test_an_argument_that_a_test_lacks_and_no_case_are_mistakes() -> None:
    with pytest.raises(AssertionError, match="has no argument number"):
        each("number", [1])(lambda letter: None)
    with pytest.raises(AssertionError, match="no case for number"):
        each("number", [])
