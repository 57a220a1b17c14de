import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.errors import ConfigError
from advdistill.records import Finish, Verdict
from advdistill.verifier.repetition import RepetitionVerifier, repeated_share
from tests.builders import prompt, response
from tests.contract.components import component

FORMAT = component("answer_format", "hash")


@pytest.mark.parametrize(
    ("text", "words", "share"),
    [
        ("", 3, 0.0),
        ("a b", 3, 0.0),
        ("a b c", 3, 0.0),
        ("a b c d", 3, 0.0),
        ("a b c a b c", 3, 1 / 4),  # abc bca cab abc
        ("A b C\na\tB  c", 3, 1 / 4),
        ("a a a a a", 1, 4 / 5),
        ("a a a a a", 2, 3 / 4),
        ("a a a a a", 5, 0.0),
        ("a b a b a b a b", 4, 3 / 5),
    ],
)
def test_the_share_is_that_of_the_ngrams_said_before(text: str, words: int, share: float) -> None:
    assert repeated_share(text, words) == share


@given(st.lists(st.sampled_from("ab"), max_size=40), st.integers(1, 12))
def test_the_share_is_one_minus_distinct_by_all(said: list[str], words: int) -> None:
    grams = [tuple(said[start : start + words]) for start in range(len(said) - words + 1)]
    wanted = 1 - len(set(grams)) / len(grams) if grams else 0.0
    assert repeated_share(" ".join(said), words) == pytest.approx(wanted)


@pytest.mark.parametrize("text", ["a " * 500_000, "x" * 1_000_000, "a b c d e f g " * 70_000])
def test_a_megabyte_is_judged_at_once_whatever_the_width(text: str) -> None:
    start = time.perf_counter()
    repeated_share(text, 100)
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    ("text", "finish", "value", "verdict"),
    [
        ("a b c a b c", Finish.stop, -0.5, Verdict.failed),
        ("a b c a b c", Finish.length, -0.5, Verdict.failed),
        ("a b c", Finish.stop, 0.0, Verdict.passed),
        ("", Finish.stop, 0.0, Verdict.passed),
        ("", Finish.error, None, Verdict.error),
    ],
)
def test_the_value_is_the_penalty_times_the_share(
    text: str, finish: Finish, value: float | None, verdict: Verdict
) -> None:
    verifier = RepetitionVerifier(words=3, penalty=-2.0)
    one = response(text=text, finish=finish)
    row, total = verifier.judge(prompt(), one, answer_format=FORMAT)
    assert (row.rule, total.rule) == ("repetition", "total")
    assert (row.value, row.verdict) == (total.value, total.verdict) == (value, verdict)
    assert str(row.value) != "-0.0"


@pytest.mark.parametrize(
    ("words", "penalty", "message"),
    [(0, -1.0, "words is 0"), (1001, -1.0, "words is 1001"), (3, 0.5, "penalty is 0.5")]
    + [(3, float(odd), f"penalty is {odd}") for odd in ("nan", "-inf")],
)
def test_ranges_are_checked(words: int, penalty: float, message: str) -> None:
    with pytest.raises(ConfigError, match=f"verifier 'repetition': {message}; wanted"):
        RepetitionVerifier(words=words, penalty=penalty)
