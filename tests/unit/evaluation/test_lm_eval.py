from collections.abc import Sequence
from dataclasses import replace

import pytest
from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.dataset.quickstart import StoryProblems
from advdistill.engine.generation import Decoding, Generation
from advdistill.engine.transformers import generate, load_model
from advdistill.errors import ConfigError
from advdistill.evaluation.chat_model import ChatModel
from advdistill.evaluation.lm_eval import Backend, LmEval
from advdistill.evaluation.task import prompt_task
from advdistill.models import load_tokenizer, prompt_ids
from advdistill.records import Finish, Item, Prompt, Response, Score, Split, Verdict
from advdistill.validation import validator
from advdistill.verifier.number import NumberVerifier
from tests.builders import Watched, prompt

VERIFIER = NumberVerifier(relative_tolerance=0.0)
MODEL = "builtin:tiny_student"
HASH = AnswerFormat(
    style=AnswerStyle.hash,
    instruction="Reason step by step. End with #### and the final number.",
    system=None,
    thinking=None,
)
Result = tuple[list[Score], list[Item]]


def evaluation(max_tokens: int = 56, batch_size: int = 10) -> LmEval:
    return LmEval(
        backend=Backend.transformers, dtype="float32", max_tokens=max_tokens, batch_size=batch_size
    )


def run(one: LmEval, prompts: Sequence[Prompt], *, watch: Watched | None = None) -> Result:
    return one.evaluate(
        MODEL,
        prompts,
        revision=None,
        verifier=VERIFIER,
        answer_format=HASH,
        watch=watch or Watched(),
    )


@pytest.fixture(scope="module")
def prompts() -> list[Prompt]:
    """Twenty-four problems, some with the model's own answer as gold, so that some pass."""
    problems = StoryProblems(
        name="story", seed=3, train=1, dev=0, test=24, min_terms=2, max_terms=3
    )
    rows = [row for row in problems.load() if row.split is Split.test]
    _, items = run(evaluation(), rows)
    return [
        replace(row, answer=one.answer) if number % 3 == 0 and one.answer else row
        for number, (row, one) in enumerate(zip(rows, items, strict=True))
    ]


@pytest.fixture(scope="module")
def watch() -> Watched:
    return Watched()


@pytest.fixture(scope="module")
def result(prompts: list[Prompt], watch: Watched) -> Result:
    return run(evaluation(), prompts, watch=watch)


def shares(scores: Sequence[Score]) -> dict[str, float]:
    return {score.metric: score.value for score in scores}


def test_accuracy_is_the_share_of_our_own_verdicts(prompts: list[Prompt], result: Result) -> None:
    scores, items = result
    by_id = {row.prompt_id: row for row in prompts}
    for one in items:
        answer = Response(
            prompt_id=one.item_id,
            sample=0,
            text=one.response,
            tokens=None,
            finish=one.finish,
            teacher="m",
        )
        total = VERIFIER.judge(by_id[one.item_id], answer, answer_format=HASH)[-1]
        assert (one.verdict, one.answer) == (total.verdict, total.answer)
    passed = sum(one.verdict is Verdict.passed for one in items)
    assert 0 < passed < len(items)
    assert shares(scores)["accuracy"] == pytest.approx(passed / len(items))


def test_every_prompt_has_its_item_in_order_under_the_data_sets_name(
    prompts: list[Prompt], result: Result
) -> None:
    scores, items = result
    assert [one.item_id for one in items] == [row.prompt_id for row in prompts]
    assert {one.task for one in items} == {score.task for score in scores} == {"advdistill_story"}
    assert {score.items for score in scores} == {len(prompts)}


def test_the_shares_of_all_verdicts_sum_to_one(result: Result) -> None:
    found = shares(result[0])
    assert found.keys() == {"accuracy", *(verdict.value for verdict in Verdict)}
    assert sum(found[verdict.value] for verdict in Verdict) == pytest.approx(1.0)
    assert found["pass"] == pytest.approx(found["accuracy"])


def test_the_standard_error_is_that_of_a_mean_of_zeros_and_ones(result: Result) -> None:
    (accuracy,) = [score for score in result[0] if score.metric == "accuracy"]
    p, n = accuracy.value, accuracy.items
    assert accuracy.stderr == pytest.approx((p * (1 - p) / (n - 1)) ** 0.5)


def test_progress_counts_the_prompts(result: Result, watch: Watched) -> None:
    assert watch.steps == [(10, 24), (20, 24), (24, 24)]


def test_the_answers_are_those_of_the_engine_on_the_ids_of_training(
    prompts: list[Prompt], result: Result
) -> None:
    tokenizer = load_tokenizer(MODEL, None)
    ids = prompt_ids([row.question for row in prompts], tokenizer, HASH)
    greedy = Decoding(samples=1, temperature=0.0, top_p=1.0, max_tokens=56)
    model = load_model(MODEL, None, dtype="float32")
    answers = generate(model, tokenizer, ids, decoding=greedy, seeds=[[0]] * len(ids))
    assert [one.response for one in result[1]] == [answer.text for (answer,) in answers]


@pytest.mark.parametrize("batch_size", [7, 100])
def test_the_dev_check_and_lm_eval_find_the_same_accuracy(
    prompts: list[Prompt], result: Result, batch_size: int
) -> None:
    validate = validator(
        prompts, VERIFIER, answer_format=HASH, max_tokens=56, batch_size=batch_size
    )
    found = validate(load_model(MODEL, None, dtype="float32"), load_tokenizer(MODEL, None))
    assert found == pytest.approx(shares(result[0])["accuracy"])


def test_answers_cut_off_stay_in_the_denominator(prompts: list[Prompt]) -> None:
    scores, items = run(evaluation(max_tokens=3), prompts[:5])
    assert [one.verdict for one in items] == [Verdict.truncated] * 5
    assert [one.finish for one in items] == [Finish.length] * 5
    assert shares(scores)["truncated"] == 1.0
    assert shares(scores)["accuracy"] == 0.0


ASKED = [
    "1 + 1?",
    "  What is\n\n 2 + 2 ?\t ",
    "{{ doc }} {% raw %} ${x} \\n <|im_end|>",
    "½ ÷ 4 → ? 😀",
]


@pytest.mark.parametrize("system", [None, "Be exact.\n"])
@pytest.mark.parametrize("instruction", ["", " End with ####. "])
def test_the_engine_sees_the_ids_that_training_sees(system: str | None, instruction: str) -> None:
    answer_format = AnswerFormat(
        style=AnswerStyle.hash, instruction=instruction, system=system, thinking=None
    )
    prompts = [
        prompt(f"p/test/{number}", question=question, split=Split.test)
        for number, question in enumerate(ASKED)
    ]
    tokenizer = load_tokenizer(MODEL, None)
    seen: list[list[int]] = []

    def answer(ids: Sequence[Sequence[int]]) -> list[Generation]:
        seen.extend(map(list, ids))
        return [Generation(text="#### 2", tokens=3, finish=Finish.stop, logprob_sum=None)] * len(
            ids
        )

    chat_model = ChatModel(MODEL, tokenizer, answer, batch_size=3, watch=Watched())
    simple_evaluate(
        model=chat_model,
        tasks=[prompt_task("t", prompts, chat_model, answer_format, lambda *_: {"accuracy": 1.0})],
        task_manager=TaskManager(include_defaults=False),
        apply_chat_template=True,
        system_instruction=answer_format.system,
        bootstrap_iters=0,
        log_samples=False,
    )
    assert seen == prompt_ids([row.question for row in prompts], tokenizer, answer_format)


@pytest.mark.parametrize(("max_tokens", "batch_size"), [(0, 1), (1, 0), (-1, 1)])
def test_ranges_are_checked(max_tokens: int, batch_size: int) -> None:
    with pytest.raises(ConfigError, match=f"max_tokens is {max_tokens} and .*wanted at least 1"):
        evaluation(max_tokens, batch_size)
