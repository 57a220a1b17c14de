import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from reasoning_gym.factory import DATASETS, create_dataset

from advdistill.errors import ConfigError, DataError
from advdistill.interfaces import Costly
from advdistill.judging import open_judge
from advdistill.records import AnswerKind, Finish, Prompt, Reward, Verdict
from advdistill.verifier.reasoning_gym import ReasoningGymVerifier
from tests.builders import prompt, response
from tests.contract.components import component

FORMAT = component("answer_format", "tags")
VERIFIER = ReasoningGymVerifier(pass_at=1.0, seconds=5.0, megabytes=512)
EVALUATING = ("binary_matrix", "n_queens", "spiral_matrix", "string_insertion")
PARSING = (
    *("countdown", "puzzle24", "simple_integration", "intermediate_integration"),
    "polynomial_multiplication",
)
NO_GOLD = ("boxnet", "graph_color", "propositional_logic", "rubiks_cube", "rush_hour")
SLOW_TO_DRAW = ("self_reference", "tower_of_hanoi")


def problem(task: str, *, number: int = 0, **config: Any) -> Prompt:
    entry = create_dataset(task, seed=7, size=number + 1, **config)[number]
    return made_of({"task": task, "entry": entry}, answer=str(entry["answer"]))


def made_of(metadata: Any, answer: str = "2") -> Prompt:
    return replace(prompt(answer=answer), kind=AnswerKind.text, metadata=json.dumps(metadata))


def costly(one: Prompt, answer: str) -> Costly:
    text = FORMAT.write(answer)
    judged = VERIFIER.judge(one, response(text=text), answer_format=FORMAT)
    assert isinstance(judged, Costly)
    return judged


def total_of(one: Prompt, answer: str) -> Reward:
    row, total = costly(one, answer).work()
    assert (row.rule, total.rule) == ("reasoning_gym", "total")
    assert replace(row, rule="total") == total
    return total


@pytest.mark.parametrize("task", sorted({*DATASETS} - {*NO_GOLD, *SLOW_TO_DRAW, "composite"}))
def test_every_task_passes_its_own_answer(task: str) -> None:
    one = problem(task)
    total = total_of(one, one.answer)
    assert (total.value, total.verdict, total.answer) == (1.0, Verdict.passed, one.answer.strip())


@pytest.mark.parametrize(
    ("task", "answer", "value", "verdict"),
    [
        ("chain_sum", "0.5", 0.0, Verdict.failed),
        ("spell_backward", "?", 0.0, Verdict.failed),
        ("countdown", "1 + 1", 0.05, Verdict.failed),
        ("prime_factorization", "seven", 0.0, Verdict.unparsed),
        ("coin_flip", "1" + "0" * 400 + "/1", 0.0, Verdict.unparsed),
    ],
)
def test_the_value_is_the_score(task: str, answer: str, value: float, verdict: Verdict) -> None:
    total = total_of(problem(task), answer)
    assert (total.value, total.verdict) == (value, verdict)


def test_a_score_from_the_threshold_on_passes() -> None:
    one = problem("countdown")
    lenient = ReasoningGymVerifier(pass_at=0.05, seconds=5.0, megabytes=512)
    text = FORMAT.write("1 + 1")
    judged = lenient.judge(one, response(text=text), answer_format=FORMAT)
    assert isinstance(judged, Costly)
    assert (judged.work()[-1].value, judged.work()[-1].verdict) == (0.05, Verdict.passed)


CODE = (
    "open('MARK', 'w')",
    "[open('MARK', 'w')]",
    "[[c for c in [open('MARK', 'w')]]]",
    "__import__('pathlib').Path('MARK').touch()",
    "(lambda: open('MARK', 'w'))()",
    "f'{open(chr(77), chr(119))}'",
    "[].__class__.__base__.__subclasses__()",
    "1 if open('MARK', 'w') else 2",
    "exit(3)",
    "exec(chr(49))",
    "x.func(1)",
    "x . func(1)",
    "sin.__init__",
    "(" * 5000,
    "[" * 90 + "]" * 90 + "x" * 5000 + "(1)",
)


@pytest.mark.parametrize("task", [*EVALUATING, *PARSING])
@pytest.mark.parametrize("code", CODE)
def test_no_answer_is_run_as_code(
    task: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    total = total_of(problem(task), code)
    assert total.verdict in (Verdict.unparsed, Verdict.failed)
    assert total.value in (0.0, 0.01)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        ("countdown", "abs(3)"),
        ("countdown", "9**9**9"),
        ("puzzle24", "9**9**9"),
        ("string_insertion", "9**9**9"),
        ("puzzle24", "eval('24')"),
        ("simple_integration", "Integral(x)"),
        ("polynomial_multiplication", "x.diff(x)"),
        ("spiral_matrix", "list(x)"),
        ("n_queens", "[[a for a in b]]"),
    ],
)
def test_what_would_be_run_is_no_answer_and_the_row_says_so(task: str, answer: str) -> None:
    total = total_of(problem(task), answer)
    assert (total.value, total.verdict, total.answer) == (0.0, Verdict.unparsed, None)
    assert total.detail == f"the scorer of '{task}' would run this answer as code"


def test_a_list_in_place_of_a_matrix_still_gets_its_share() -> None:
    one = problem("spiral_matrix")
    assert total_of(one, str(one.answer.split())).value == 0.1


def test_every_scorer_that_evaluates_is_guarded() -> None:
    """What a scorer's own module calls is looked up in its source."""
    import inspect

    from advdistill.verifier import scorers

    found = {
        task
        for task, (cls, _) in DATASETS.items()
        if any(word in inspect.getsource(cls.score_answer) for word in ("eval(", "parse_expr("))
    }
    # of the gold list, and only where it is no JSON
    assert found - {"number_sorting"} == set(scorers._GUARDS) == {*EVALUATING, *PARSING}


def test_endless_algebra_meets_its_deadline() -> None:
    hasty = ReasoningGymVerifier(pass_at=1.0, seconds=1.0, megabytes=512)
    one = problem("simple_integration")
    right, endless = response(text=FORMAT.write(one.answer)), FORMAT.write("9**9**9**9")
    with open_judge(hasty, FORMAT, processes=1) as judge:
        rows = judge([(one, right), (one, replace(right, text=endless, sample=1))])
    assert [row[-1].verdict for row in rows] == [Verdict.passed, Verdict.timeout]
    assert rows[1][-1].value is None


@pytest.mark.parametrize(
    ("text", "finish", "verdict"),
    [
        ("no tag", Finish.stop, Verdict.unparsed),
        ("<answer>", Finish.length, Verdict.truncated),
        ("", Finish.error, Verdict.error),
    ],
)
def test_an_answer_that_is_not_there_needs_no_scorer(
    text: str, finish: Finish, verdict: Verdict
) -> None:
    one = response(text=text, finish=finish)
    rows = VERIFIER.judge(problem("chain_sum"), one, answer_format=FORMAT)
    assert isinstance(rows, list)
    assert [row.verdict for row in rows] == [verdict, verdict]


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        (None, "metadata is 'null'"),
        ([1], r"metadata is '\[1\]'"),
        ({"task": "chain_sum"}, 'metadata is \'{"task"'),
        ({"task": "no_such", "entry": {}}, "has no task 'no_such'"),
    ],
)
def test_a_prompt_of_another_data_set_is_refused(metadata: object, found: str) -> None:
    with pytest.raises(DataError, match=f"prompt 'p/train/0'.*{found}.*wanted") as caught:
        costly(made_of(metadata), "2").work()
    assert "'reasoning_gym'" in str(caught.value)


def test_a_mixture_is_scored_by_the_task_it_was_drawn_from() -> None:
    entry = json.loads(str(problem("chain_sum").metadata))["entry"]
    assert entry["metadata"]["source_dataset"] == "chain_sum"
    one = made_of({"task": "composite", "entry": entry})
    assert total_of(one, entry["answer"]).verdict is Verdict.passed


def test_the_work_pickles_and_the_killed_row_says_why() -> None:
    one = problem("chain_sum")
    judged = costly(one, one.answer)
    assert pickle.loads(pickle.dumps(judged.work))() == judged.work()
    row, total = judged.killed(Verdict.timeout, "took more than 5 s")
    assert (row.rule, total.rule) == ("reasoning_gym", "total")
    assert (total.value, total.verdict, total.detail) == (
        None,
        Verdict.timeout,
        "took more than 5 s",
    )


@pytest.mark.parametrize(
    "change", [{"pass_at": 0.0}, {"pass_at": 1.5}, {"seconds": 0.0}, {"megabytes": 0}]
)
def test_ranges_are_checked(change: dict[str, Any]) -> None:
    whole = {"pass_at": 1.0, "seconds": 5.0, "megabytes": 512}
    with pytest.raises(ConfigError, match=r"verifier 'reasoning_gym': pass_at is .* wanted"):
        ReasoningGymVerifier(**{**whole, **change})
