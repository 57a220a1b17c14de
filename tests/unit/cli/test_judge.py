import json
from collections import Counter
from collections.abc import Sequence

import pytest

from advdistill.cli.judge import judged, summary
from advdistill.judging import open_judge
from advdistill.records import Prompt, Response, Reward, Verdict
from tests.builders import reward
from tests.contract.components import component


def lines(*rows: object) -> list[tuple[int, bytes]]:
    return [(number, json.dumps(row).encode()) for number, row in enumerate(rows, 1)]


def results(*rows: object) -> list[tuple[str, dict[str, object]]]:
    verifier, form = component("verifier", "number"), component("answer_format", "boxed")
    with open_judge(verifier, form, processes=1) as judge:
        return list(judged(judge, lines(*rows), "rows.jsonl"))


def test_a_verdict_has_five_fields_and_the_rows_own_id() -> None:
    [(kind, result)] = results({"id": 7, "gold": "18", "response": "so \\boxed{18}"})
    assert kind == "pass"
    assert result == {
        "id": 7, "verdict": "pass", "value": 1.0, "answer": "18", "tier": "boxed", "detail": None,
    }  # fmt: skip


def test_a_malformed_line_is_an_error_that_names_the_line_and_the_run_goes_on() -> None:
    (first, _), (second, result), (third, _) = results(
        {"gold": "18", "response": "18"},
        {"id": "b", "gold": "18", "respnse": "18"},
        {"gold": "18", "response": "19"},
    )
    assert (first, second, third) == ("pass", "malformed", "fail")
    assert list(result) == ["id", "verdict", "value", "answer", "tier", "detail"]
    assert (result["id"], result["verdict"], result["value"]) == ("b", "error", None)
    assert str(result["detail"]).startswith("line 2: no 'response'")


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (18, "pass"),
        (18.0, "pass"),
        (19, "fail"),
        (None, "malformed"),
        ("", "unparsed"),
        ("\\boxed{18}\ud800\x00", "pass"),
        ("x" * 1_000_000, "unparsed"),
        ("9" * 1_000_000, "unparsed"),
        ("\\boxed{" * 100_000, "unparsed"),
        ("(" * 100_000 + "\\boxed{18}", "pass"),
        ("9**9**9 \\boxed{__import__('os')}", "unparsed"),
    ],
    ids=[*"abcdefghijk"],
)
def test_whatever_an_answer_holds_gives_a_line_of_json(response: object, kind: str) -> None:
    [(found, result)] = results({"gold": "18", "response": response})
    assert found == kind
    written = json.dumps(result)
    assert written.isascii()
    assert json.loads(written) == result


def test_an_answer_cut_off_is_not_wrong() -> None:
    [(kind, result)] = results({"gold": "18", "response": "so \\boxed{1", "finish": "length"})
    assert (kind, result["value"]) == ("truncated", None)


def test_several_rules_are_told_beside_the_total() -> None:
    def judge(answers: Sequence[tuple[Prompt, Response]]) -> list[list[Reward]]:
        parts = [("right", Verdict.passed), ("tidy", Verdict.failed), ("total", Verdict.passed)]
        return [
            [reward(one.prompt_id, rule=rule, verdict=verdict) for rule, verdict in parts]
            for one, _ in answers
        ]

    [(kind, result)] = judged(judge, lines({"gold": 1, "response": 1}), "rows.jsonl")
    assert kind == "pass"
    rules = result["rules"]
    assert isinstance(rules, dict)
    assert {rule: found["verdict"] for rule, found in rules.items()} == {
        "right": "pass",
        "tidy": "fail",
    }


def test_the_summary_accounts_for_every_row() -> None:
    counts = Counter({"pass": 5, "error": 1, "malformed": 2})
    assert summary(counts) == (
        "8 rows = 5 pass + 0 fail + 0 unparsed + 1 error + 0 timeout + 0 truncated + 2 malformed"
    )
