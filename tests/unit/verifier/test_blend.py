import pickle
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.answers import AnswerFormat
from advdistill.build import build
from advdistill.errors import ConfigError
from advdistill.interfaces import Costly, Verifier
from advdistill.judging import open_judge
from advdistill.records import Prompt, Response, Reward, Verdict
from advdistill.verdicts import reward, with_total
from advdistill.verifier.blend import BlendVerifier
from advdistill.verifier.number import NumberVerifier
from tests.builders import composed, prompt, response
from tests.contract.components import component
from tests.unit.verifier.costly import CostlyVerifier

FORMAT = component("answer_format", "hash")


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """Says the same of every response."""

    value: float | None
    verdict: Verdict = Verdict.failed
    detail: str | None = None

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward]:
        row = reward(response, "fixed", self.verdict, answer="a", tier="t", detail=self.detail)
        return with_total(replace(row, value=self.value))


RIGHT = Fixed(value=1.0, verdict=Verdict.passed)
SHORT = Fixed(value=-0.25)
LATE = Fixed(value=None, verdict=Verdict.timeout, detail="too slow")
CUT = Fixed(value=None, verdict=Verdict.truncated)


def blend(weights: dict[str, float] | None = None, **parts: Verifier) -> BlendVerifier:
    leading = next(iter(parts))
    return BlendVerifier(parts=parts, weights=weights or dict.fromkeys(parts, 1.0), verdict=leading)


def rows_of(verifier: BlendVerifier, text: str = "") -> list[Reward]:
    rows = verifier.judge(prompt(), response(text=text), answer_format=FORMAT)
    assert isinstance(rows, list)
    return rows


def test_each_part_has_a_row_of_its_name_and_the_total_is_their_weighted_sum() -> None:
    rows = rows_of(blend({"correct": 2.0, "length": 0.5}, correct=RIGHT, length=SHORT))
    assert [(row.rule, row.value, row.verdict) for row in rows] == [
        ("correct", 1.0, Verdict.passed),
        ("length", -0.25, Verdict.failed),
        ("total", 1.875, Verdict.passed),
    ]
    assert (rows[-1].answer, rows[-1].tier, rows[-1].detail) == ("a", "t", None)


def test_the_verdict_is_that_of_the_part_it_names() -> None:
    both: dict[str, Verifier] = {"correct": RIGHT, "length": SHORT}
    for name, verdict in (("correct", Verdict.passed), ("length", Verdict.failed)):
        verifier = BlendVerifier(parts=both, weights={"correct": 1, "length": 1}, verdict=name)
        assert rows_of(verifier)[-1].verdict is verdict


@pytest.mark.parametrize("weight", [1.0, 0.0, -1.0])
def test_a_missing_part_is_unknown_and_never_0(weight: float) -> None:
    verifier = blend({"correct": 1.0, "length": weight}, correct=RIGHT, length=LATE)
    total = rows_of(verifier)[-1]
    assert (total.value, total.verdict) == (None, Verdict.timeout)
    assert total.detail == "'length' is unknown: too slow"


def test_where_several_are_missing_the_leading_one_says_why() -> None:
    verifier = BlendVerifier(
        parts={"length": LATE, "correct": CUT},
        weights={"length": 1.0, "correct": 1.0},
        verdict="correct",
    )
    total = rows_of(verifier)[-1]
    assert (total.value, total.verdict) == (None, Verdict.truncated)
    assert total.detail == "'correct' is unknown: truncated"


@given(st.permutations([("a", 0.1), ("b", 0.2), ("c", 0.3), ("d", -0.6), ("e", 1e16)]))
def test_the_sum_does_not_depend_on_the_order_of_the_parts(parts: list[tuple[str, float]]) -> None:
    fixed: dict[str, Verifier] = {name: Fixed(value=value) for name, value in parts}
    weights = dict.fromkeys(sorted(fixed), 1.0)
    assert rows_of(blend(weights, **fixed))[-1].value == 1e16


def test_a_blend_may_hold_a_blend() -> None:
    inner = blend({"x": 0.5, "y": 2.0}, x=RIGHT, y=SHORT)
    rows = rows_of(blend(inner=inner, other=RIGHT))
    assert [(row.rule, row.value) for row in rows] == [("inner", 0), ("other", 1), ("total", 1)]


NUMBER = NumberVerifier(relative_tolerance=0.0)
MIXED = blend(length=SHORT, one=CostlyVerifier(), two=CostlyVerifier(seconds=2.0, megabytes=100))


def costly(verifier: BlendVerifier) -> Costly:
    judged = verifier.judge(prompt(answer="2"), response(text="#### 2"), answer_format=FORMAT)
    assert isinstance(judged, Costly)
    return judged


def test_costly_parts_are_done_together_within_all_their_limits() -> None:
    judged = costly(MIXED)
    assert (judged.seconds, judged.megabytes) == (3.0, 132)
    rows = pickle.loads(pickle.dumps(judged.work))()
    assert rows == rows_of(blend(length=SHORT, one=NUMBER, two=NUMBER), "#### 2")


def test_killed_work_leaves_the_other_parts_as_they_are() -> None:
    rows = costly(MIXED).killed(Verdict.error, "out of memory")
    assert [(row.rule, row.value, row.verdict) for row in rows] == [
        ("length", -0.25, Verdict.failed),
        ("one", None, Verdict.error),
        ("two", None, Verdict.error),
        ("total", None, Verdict.error),
    ]
    assert rows[-1].detail == "'one' is unknown: out of memory"


def test_costly_parts_are_judged_in_another_process() -> None:
    with open_judge(MIXED, FORMAT, processes=1) as judge:
        (rows,) = judge([(prompt(answer="2"), response(text="#### 2"))])
    assert rows == costly(MIXED).work()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"weights": {"a": 1.0}},
            r"part 'b' has no weight; wanted .*; give weights\.b=NUMBER",
        ),
        (
            {"weights": {"a": 1.0, "b": 1.0, "c": 1.0}},
            r"weights\.c is 1\.0 and the parts are a, b; wanted .* ~verifier\.weights\.c",
        ),
        ({"weights": {"a": 1.0, "b": float("inf")}}, r"weights\.b is inf .* wanted a finite"),
        ({"verdict": "c"}, r"verdict is 'c' and the parts are a, b; wanted the name of one"),
        ({"parts": {}, "weights": {}}, r"verdict is 'a' and the parts are none"),
        (
            {"parts": {"a": RIGHT, "total": SHORT}, "weights": {"a": 1.0, "total": 1.0}},
            r"verdict is 'a' and the parts are a, total; wanted .* none named 'total'",
        ),
    ],
)
def test_names_and_weights_must_fit(settings: dict[str, Any], message: str) -> None:
    whole = {"parts": {"a": RIGHT, "b": SHORT}, "weights": {"a": 1.0, "b": 1.0}, "verdict": "a"}
    with pytest.raises(ConfigError, match=f"verifier 'blend': {message}"):
        BlendVerifier(**{**whole, **settings})


def built(*overrides: str) -> BlendVerifier:
    verifier = build("verifier", composed("verifier=blend", *overrides).verifier, Verifier)
    assert isinstance(verifier, BlendVerifier)
    return verifier


LAYOUT = "verifier.parts.layout"


@pytest.mark.parametrize(
    ("overrides", "weights"),
    [
        ([], {"correct": 1.0, "layout": 0.1, "length": 0.1}),
        (["verifier.weights.length=0.2"], {"correct": 1.0, "layout": 0.1, "length": 0.2}),
        ([f"~verifier@{LAYOUT}", "~verifier.weights.layout"], {"correct": 1.0, "length": 0.1}),
        (
            ["+verifier@verifier.parts.again=repetition", "+verifier.weights.again=0.3"],
            {"correct": 1.0, "layout": 0.1, "length": 0.1, "again": 0.3},
        ),
    ],
)
def test_parts_are_chosen_added_and_removed_on_the_command_line(
    overrides: list[str], weights: dict[str, float]
) -> None:
    verifier = built(*overrides)
    assert verifier.weights == weights
    assert verifier.parts.keys() == weights.keys()


def test_a_part_may_be_another_option_or_have_another_setting() -> None:
    tolerance = "verifier.parts.correct.relative_tolerance=0.5"
    assert built(tolerance).parts["correct"] == NumberVerifier(relative_tolerance=0.5)
    kimi = built("verifier@verifier.parts.length=length_kimi").parts["length"]
    assert kimi == component("verifier", "length_kimi")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("verifier.parts.correct=math", r"verifier\.parts\.correct is 'math'; wanted .* verifier@"),
        (f"~verifier@{LAYOUT}", r"verifier 'blend': weights\.layout is 0\.1 and the parts"),
        ("+verifier@verifier.parts.x=repetition", r"verifier 'blend': part 'x' has no weight"),
        (f"+{LAYOUT}.partail=true", r"verifier\.parts\.layout\.partail: .* mean 'partial'"),
        (f"{LAYOUT}.partial=maybe", r"verifier\.parts\.layout\.partial: .* see conf/verifier/"),
    ],
)
def test_what_does_not_fit_is_named_with_its_remedy(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        built(override)
