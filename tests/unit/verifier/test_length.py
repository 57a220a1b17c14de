import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.errors import ConfigError
from advdistill.interfaces import Costly, Verifier
from advdistill.records import Finish, Response, Reward, Verdict
from advdistill.verifier.length import CosineLengthVerifier, KimiLengthVerifier, OverlongVerifier
from advdistill.verifier.number import NumberVerifier
from tests.builders import prompt, response
from tests.contract.components import component
from tests.unit.verifier.costly import CostlyVerifier

FORMAT = component("answer_format", "hash")
NUMBER = NumberVerifier(relative_tolerance=0.0)
RIGHT, WRONG = "#### 2", "#### 3"


def cosine(**changes: Any) -> CosineLengthVerifier:
    settings = {
        "correct": NUMBER,
        "max_tokens": 1000,
        "short_right": 1.0,
        "long_right": 0.5,
        "short_wrong": -1.0,
        "long_wrong": -0.5,
    }
    return CosineLengthVerifier(**{**settings, **changes})


def kimi(minimum: int = 100, maximum: int = 300, correct: Verifier = NUMBER) -> KimiLengthVerifier:
    return KimiLengthVerifier(correct=correct, min_tokens=minimum, max_tokens=maximum)


OVERLONG = OverlongVerifier(max_tokens=100, cache_tokens=20)


def rows_of(verifier: Verifier, one: Response) -> list[Reward]:
    rows = verifier.judge(prompt(answer="2"), one, answer_format=FORMAT)
    assert isinstance(rows, list)
    assert rows[-1].rule == "total"
    assert rows[-2].rule == "length"
    assert (rows[-1].value, rows[-1].verdict) == (rows[-2].value, rows[-2].verdict)
    return rows


def value_of(verifier: Verifier, text: str, tokens: int) -> float:
    value = rows_of(verifier, response(text=text, tokens=tokens))[-1].value
    assert value is not None
    return value


@pytest.mark.parametrize(
    ("tokens", "right", "wrong"),
    [
        (0, 1.0, -1.0),
        (250, 0.75 + 0.25 * math.sqrt(0.5), -0.75 - 0.25 * math.sqrt(0.5)),
        (500, 0.75, -0.75),
        (1000, 0.5, -0.5),
        (1001, 0.5, -0.5),
        (2000, 0.5, -0.5),
        (10**12, 0.5, -0.5),
    ],
)
def test_the_cosine_falls_for_right_rises_for_wrong_and_never_turns_back(
    tokens: int, right: float, wrong: float
) -> None:
    assert value_of(cosine(), RIGHT, tokens) == pytest.approx(right)
    assert value_of(cosine(), WRONG, tokens) == pytest.approx(wrong)


def test_the_cosine_has_the_values_of_its_paper() -> None:
    paper = cosine(
        max_tokens=14336, short_right=2.0, long_right=1.0, short_wrong=-10.0, long_wrong=0.0
    )
    assert value_of(paper, RIGHT, 7168) == pytest.approx(1.5)
    assert value_of(paper, WRONG, 7168) == pytest.approx(-5.0)
    assert value_of(paper, WRONG, 14336) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("tokens", "right", "wrong"),
    [
        (0, 0.5, 0.0),
        (100, 0.5, 0.0),
        (150, 0.25, 0.0),
        (200, 0.0, 0.0),
        (250, -0.25, -0.25),
        (300, -0.5, -0.5),
        (9999, -0.5, -0.5),
    ],
)
def test_kimi_prefers_short_and_never_rewards_wrong(
    tokens: int, right: float, wrong: float
) -> None:
    assert value_of(kimi(), RIGHT, tokens) == pytest.approx(right)
    assert value_of(kimi(), WRONG, tokens) == pytest.approx(wrong)


@pytest.mark.parametrize(
    ("tokens", "value"),
    [(0, 0.0), (80, 0.0), (81, -0.05), (90, -0.5), (100, -1.0), (101, -1.0), (10**9, -1.0)],
)
@pytest.mark.parametrize("finish", [Finish.stop, Finish.length])
def test_overlong_falls_over_the_last_tokens(tokens: int, value: float, finish: Finish) -> None:
    row = rows_of(OVERLONG, response(text="words", tokens=tokens, finish=finish))[-1]
    assert row.value == pytest.approx(value)
    assert row.verdict is (Verdict.failed if value else Verdict.passed)
    assert str(row.value) != "-0.0"


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_longer_is_never_worth_more_but_a_wrong_answer_under_the_cosine(
    one: int, more: int
) -> None:
    shorter, longer = sorted((one, more))
    for verifier in (cosine(), kimi(), OVERLONG):
        assert value_of(verifier, RIGHT, shorter) >= value_of(verifier, RIGHT, longer)
    assert value_of(kimi(), WRONG, shorter) >= value_of(kimi(), WRONG, longer)
    assert value_of(cosine(), WRONG, shorter) <= value_of(cosine(), WRONG, longer)


@pytest.mark.parametrize("verifier", [cosine(), kimi()])
def test_the_verdict_and_the_answer_are_those_of_the_nested_rule(verifier: Verifier) -> None:
    for text, verdict in ((RIGHT, Verdict.passed), (WRONG, Verdict.failed)):
        correct, length, total = rows_of(verifier, response(text=text, tokens=5))
        assert [row.rule for row in (correct, length, total)] == ["correct", "length", "total"]
        assert correct.value == float(verdict is Verdict.passed)
        assert correct.verdict is length.verdict is verdict
        assert length.answer == correct.answer == text[-1]


def test_an_answer_that_cannot_be_read_is_wrong() -> None:
    row = rows_of(cosine(), response(text="no idea", tokens=0))[-1]
    assert (row.value, row.verdict) == (-1.0, Verdict.unparsed)


@pytest.mark.parametrize("verifier", [cosine(), kimi(), OVERLONG])
def test_an_unknown_length_is_unknown_and_not_short(verifier: Verifier) -> None:
    row = rows_of(verifier, response(text=RIGHT, tokens=None))[-1]
    assert (row.value, row.verdict) == (None, Verdict.error)
    assert "no token count; wanted" in str(row.detail)


@pytest.mark.parametrize("tokens", [5, None])
@pytest.mark.parametrize(
    ("text", "finish", "verdict"),
    [("", Finish.error, Verdict.error), ("6 * 7", Finish.length, Verdict.truncated)],
)
def test_what_the_nested_rule_does_not_know_is_unknown(
    text: str, finish: Finish, verdict: Verdict, tokens: int | None
) -> None:
    for verifier in (cosine(), kimi()):
        row = rows_of(verifier, response(text=text, tokens=tokens, finish=finish))[-1]
        assert (row.value, row.verdict) == (None, verdict)


def test_overlong_knows_nothing_of_a_failed_teacher() -> None:
    row = rows_of(OVERLONG, response(text="", tokens=0, finish=Finish.error))[-1]
    assert (row.value, row.verdict) == (None, Verdict.error)


@pytest.mark.parametrize(
    "verifier_of", [lambda part: cosine(correct=part), lambda part: kimi(correct=part)]
)
def test_a_costly_rule_makes_the_length_costly(verifier_of: Callable[[Verifier], Verifier]) -> None:
    part = CostlyVerifier(seconds=2.0, megabytes=64)
    one = response(text=RIGHT, tokens=150)
    judged = verifier_of(part).judge(prompt(answer="2"), one, answer_format=FORMAT)
    assert isinstance(judged, Costly)
    assert (judged.seconds, judged.megabytes) == (2.0, 64)
    plain = rows_of(verifier_of(NUMBER), one)
    assert [row.value for row in pickle.loads(pickle.dumps(judged.work))()] == [
        row.value for row in plain
    ]
    killed = judged.killed(Verdict.timeout, "took too long")
    assert [row.rule for row in killed] == ["correct", "length", "total"]
    assert {(row.value, row.verdict, row.detail) for row in killed} == {
        (None, Verdict.timeout, "took too long")
    }


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cosine(max_tokens=0), "'length_cosine': its value falls from 0 to 0 tokens"),
        (lambda: cosine(long_wrong=math.nan), "'length_cosine': its four values are"),
        (lambda: kimi(300, 300), "'length_kimi': its value falls from 300 to 300 tokens"),
        (lambda: kimi(-1, 300), "'length_kimi': its value falls from -1 to 300 tokens"),
        (
            lambda: OverlongVerifier(max_tokens=100, cache_tokens=101),
            "'length_overlong': its value falls from -1 to 100 tokens",
        ),
        (
            lambda: OverlongVerifier(max_tokens=100, cache_tokens=0),
            "'length_overlong': its value falls from 100 to 100 tokens",
        ),
    ],
)
def test_ranges_are_checked(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigError, match=f"verifier {message}") as caught:
        make()
    assert "wanted" in str(caught.value)
