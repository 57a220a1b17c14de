from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from advdistill.answers import AnswerFormat
from advdistill.engine.generation import Generation
from advdistill.evaluation.lm_eval import LmEval
from advdistill.evaluation.measuring import Measured, measure
from advdistill.judging import open_judge
from advdistill.records import Finish, Prompt, Verdict
from advdistill.verifier.number import NumberVerifier
from tests.builders import Watched, prompt
from tests.unit.evaluation.engines import (
    EVALUATION,
    HASH,
    ScriptedEngine,
    answer,
    chat_model,
    choice,
)

VERIFIER = NumberVerifier(relative_tolerance=0.0)


def measured(
    prompts: Sequence[Prompt],
    answers: Sequence[Generation],
    *,
    likely: dict[str, float] | None = None,
    evaluation: LmEval = EVALUATION,
    answer_format: AnswerFormat = HASH,
) -> Measured:
    engine = ScriptedEngine(answers=iter(answers), likely=likely or {})
    model = chat_model(engine, evaluation=evaluation, answer_format=answer_format)
    with open_judge(VERIFIER, answer_format, processes=1) as judge:
        return measure(model, prompts, judge)


def values(found: Measured) -> dict[str, float]:
    return {f"{score.task} {score.metric}": score.value for score in found.scores()}


ANSWERED = [
    ("#### 2", Finish.stop, Verdict.passed),
    ("#### 3", Finish.stop, Verdict.failed),
    ("I cannot say.", Finish.stop, Verdict.unparsed),
    ("1 + 1 is", Finish.length, Verdict.truncated),
    ("", Finish.error, Verdict.error),
    ("#### 2\n<|im_end|>Question: 1 + 2? #### 2", Finish.stop, Verdict.passed),
]


@pytest.mark.parametrize("data_set", ["p", "gsm8k"])
def test_every_answer_keeps_its_own_text_finish_and_verdict(data_set: str) -> None:
    prompts = [prompt(f"{data_set}/test/{number}") for number in range(len(ANSWERED))]
    found = measured(prompts, [answer(text, finish) for text, finish, _ in ANSWERED])
    assert [(one.response, one.finish, one.verdict) for one in found.items] == ANSWERED
    assert values(found)[f"advdistill_{data_set} accuracy"] == pytest.approx(2 / 6)


GSM8K = [
    # text, ours, strict-match, flexible-extract
    ("1 + 1 = 2\n#### 2", 1, 1, 1),
    ("The answer is \\boxed{2}.", 1, 0, 1),
    ("#### $2.00", 1, 0, 0),
    ("#### 2\nThat is what 3 friends have.", 1, 1, 0),
    ("#### 3", 0, 0, 0),
    ("2", 1, 0, 1),
]


def test_the_stock_score_of_gsm8k_is_of_the_same_answers() -> None:
    prompts = [prompt(f"gsm8k/test/{number}") for number in range(len(GSM8K))]
    found = measured(prompts, [answer(row[0]) for row in GSM8K])
    for place, metric in enumerate(("accuracy", "stock/strict-match", "stock/flexible-extract"), 1):
        scored = found.values["advdistill_gsm8k", metric]
        assert [scored[one.prompt_id, 0] for one in prompts] == [row[place] for row in GSM8K]


def test_stock_scores_of_several_samples_are_means_over_items() -> None:
    drawn = replace(EVALUATION, samples=2, temperature=1.0)
    answers = [answer(text) for text in ("#### 2", "\\boxed{2}", "\\boxed{2}", "\\boxed{2}")]
    prompts = [prompt("gsm8k/test/0"), prompt("gsm8k/test/1")]
    scores = {one.metric: one for one in measured(prompts, answers, evaluation=drawn).scores()}
    assert (scores["accuracy"].value, scores["pass@2"].value) == (1.0, 1.0)
    strict = scores["stock/strict-match"]
    assert (strict.value, strict.stderr, strict.items) == (0.25, pytest.approx(0.25), 2)


@pytest.mark.parametrize(
    ("data_set", "stock"), [("p", True), ("gsm8k", False), ("openbookqa", True)]
)
def test_no_stock_score_where_there_is_none_or_none_is_asked_for(
    data_set: str, stock: bool
) -> None:
    settings = replace(EVALUATION, stock=stock)
    found = measured([prompt(f"{data_set}/test/0")], [answer("#### 2")], evaluation=settings)
    wanted = {"accuracy", *(verdict.value for verdict in Verdict)}
    assert {score.metric for score in found.scores()} == wanted


OPTIONAL = [choice("q/test/0", "B", "four", "five"), choice("q/test/1", "C", "a", "b", "c")]


def test_the_likeliest_option_is_the_answer_and_stands_in_a_task_of_its_own() -> None:
    likely = {"#### A": -3.0, "#### B": -1.0, "#### C": -2.0}
    found = measured(OPTIONAL, [answer("#### B")] * 2, likely=likely)
    assert values(found) == {
        **values(found),
        "advdistill_q_loglikelihood acc": 0.5,
        "advdistill_q_loglikelihood acc_norm": 0.5,
    }
    assert Counter(one.item_id for one in found.items) == {"q/test/0": 1, "q/test/1": 1}
    assert {one.task for one in found.items} == {"advdistill_q"}


def test_options_are_weighed_once_however_many_answers_are_drawn() -> None:
    drawn = replace(EVALUATION, samples=4, temperature=1.0)
    found = measured(OPTIONAL, [answer("#### B")] * 8, evaluation=drawn, likely={"#### A": -1.0})
    scores = {(score.task, score.metric): score for score in found.scores()}
    acc = scores["advdistill_q_loglikelihood", "acc"]
    assert (acc.value, acc.items) == (0.5, 2)
    assert len(found.items) == 8


def test_a_gold_answer_that_is_no_option_is_never_the_likeliest() -> None:
    outside = [*OPTIONAL, replace(OPTIONAL[0], prompt_id="q/test/2", answer="AB")]
    found = measured(outside, [answer("#### B")] * 3, likely={"#### A": -1.0})
    acc = found.values["advdistill_q_loglikelihood", "acc"]
    assert acc == {("q/test/0", 0): 1.0, ("q/test/1", 0): 0.0, ("q/test/2", 0): 0.0}


def test_only_prompts_with_options_are_weighed_and_only_where_asked_for() -> None:
    mixed = [prompt("q/test/9"), OPTIONAL[0]]
    answers = [answer("#### 2")] * 2
    assert list(measured(mixed, answers).values["advdistill_q_loglikelihood", "acc"]) == [
        ("q/test/0", 0)
    ]
    off = measured(mixed, answers, evaluation=replace(EVALUATION, loglikelihood=False))
    assert {task for task, _ in off.values} == {"advdistill_q"}


def test_progress_reaches_its_total_over_prompts_and_options() -> None:
    watch = Watched()
    engine = ScriptedEngine(answers=iter([answer("#### B")] * 2))
    with open_judge(VERIFIER, HASH, processes=1) as judge:
        measure(chat_model(engine, watch=watch), OPTIONAL, judge)
    assert watch.steps == [(2, 7), (5, 7), (7, 7)]
