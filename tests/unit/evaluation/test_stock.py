import time
from itertools import repeat

import pytest
from lm_eval.evaluator import evaluate
from lm_eval.tasks import TaskManager

from advdistill.evaluation.stock import stock_metric, stock_scoring
from advdistill.evaluation.task import answered_task
from tests.builders import prompt
from tests.unit.evaluation.engines import HASH, ScriptedEngine, answer, chat_model

HUGE = 200_000


def stock(data_set: str, gold: str, text: str) -> dict[str, float]:
    """Return what the stock task scores one answer with."""
    prompts = [prompt(f"{data_set}/test/0", answer=gold)]
    scoring = stock_scoring(data_set, prompts)
    assert scoring is not None
    task = answered_task("t", prompts, samples=1, answer_format=HASH, scoring=scoring)
    found = evaluate(
        chat_model(ScriptedEngine(answers=repeat(answer(text)))),
        TaskManager(include_defaults=False).load([task]),
        apply_chat_template=True,
        bootstrap_iters=0,
    )
    assert found is not None
    return {
        stock_metric(row["filter"], metric): float(row[metric])
        for row in found["samples"]["t"]
        for metric in row["metrics"]
    }


STRICT, FLEXIBLE = "stock/strict-match", "stock/flexible-extract"


@pytest.mark.parametrize(
    ("data_set", "gold", "text", "wanted"),
    [
        ("gsm8k", "1000", "#### 1,000", {STRICT: 1, FLEXIBLE: 1}),
        ("gsm8k", "18", "It is 18.", {STRICT: 0, FLEXIBLE: 1}),
        ("gsm8k", "18", "#### 17", {STRICT: 0, FLEXIBLE: 0}),
        ("math", "\\frac{1}{2}", "So $\\frac12$.", {"stock/exact_match": 1}),
        ("math", "\\frac{1}{2}", "\\frac{1}{2}", {"stock/exact_match": 1}),
        ("math500", "\\frac{1}{2}", "$\\boxed{\\frac{1}{2}}$", {"stock/exact_match": 0}),
        ("math500", "}", "}", {"stock/exact_match": 0}),
        ("mmlu_pro", "B", "The answer is (B).", {"stock/custom-extract": 1}),
        ("mmlu_pro", "B", "\\boxed{B}", {"stock/custom-extract": 0}),
    ],
)
def test_an_answer_scores_as_in_the_stock_task(
    data_set: str, gold: str, text: str, wanted: dict[str, float]
) -> None:
    assert stock(data_set, gold, text) == wanted


@pytest.mark.parametrize("data_set", ["gsm8k", "math", "mmlu_pro"])
@pytest.mark.parametrize(
    "text",
    [
        "9" * HUGE,
        "$" * HUGE,
        "\\frac" * HUGE,
        "\\sqrt" * HUGE,
        "{" * HUGE,
        "/" * HUGE,
        "#### " * HUGE,
        "answer is (" * HUGE,
        "",
        "\x00",
    ],
    ids=lambda text: text[:11],
)
def test_an_endless_answer_does_not_stop_the_run(data_set: str, text: str) -> None:
    started = time.monotonic()
    assert set(stock(data_set, "2", text).values()) == {0.0}
    assert time.monotonic() - started < 10


def test_no_index_of_all_tasks_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    class Watched(TaskManager):
        def __init__(self, *args: object, **settings: object) -> None:
            super().__init__(*args, **settings)
            sizes.append(len(self.task_index))

    monkeypatch.setattr("lm_eval.tasks.TaskManager", Watched)
    assert stock_scoring("gsm8k", [prompt("gsm8k/test/0")])
    assert 0 < max(sizes) < 100  # of thousands


def test_a_data_set_without_a_stock_task_has_no_stock_score() -> None:
    assert stock_scoring("svamp", [prompt("svamp/test/0")]) is None
