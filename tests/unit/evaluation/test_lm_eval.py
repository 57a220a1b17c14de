from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from advdistill.dataset.quickstart import StoryProblems
from advdistill.engine.generation import Decoding
from advdistill.engine.transformers import generate, load_model
from advdistill.errors import ConfigError
from advdistill.evaluation.lm_eval import Backend, LmEval
from advdistill.interfaces import Judge
from advdistill.judging import open_judge
from advdistill.models import load_tokenizer, prompt_ids
from advdistill.records import Finish, Item, Prompt, Response, Score, Split, Verdict
from advdistill.validation import validator
from advdistill.verifier.number import NumberVerifier
from tests.builders import Watched
from tests.unit.evaluation.engines import EVALUATION, HASH

VERIFIER = NumberVerifier(relative_tolerance=0.0)
MODEL = "builtin:tiny_student"
Result = tuple[list[Score], list[Item]]


GREEDY = replace(EVALUATION, max_tokens=56, batch_size=10)
DRAWN = replace(GREEDY, samples=4, temperature=1.0, batch_size=40)


def run(
    one: LmEval,
    prompts: Sequence[Prompt],
    *,
    watch: Watched | None = None,
    through: Callable[[Judge], Judge] = lambda judge: judge,
) -> Result:
    with open_judge(VERIFIER, HASH, processes=1) as judge:
        return one.evaluate(
            MODEL,
            prompts,
            revision=None,
            judge=through(judge),
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
    _, items = run(GREEDY, rows)
    return [
        replace(row, answer=one.answer) if number % 3 == 0 and one.answer else row
        for number, (row, one) in enumerate(zip(rows, items, strict=True))
    ]


@pytest.fixture(scope="module")
def watch() -> Watched:
    return Watched()


@pytest.fixture(scope="module")
def result(prompts: list[Prompt], watch: Watched) -> Result:
    return run(GREEDY, prompts, watch=watch)


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
    ids = prompt_ids(prompts, tokenizer, HASH)
    greedy = Decoding(temperature=0.0, top_p=1.0, max_tokens=56)
    model = load_model(MODEL, None, dtype="float32")
    answers = generate(model, tokenizer, ids, decoding=greedy, seeds=[[0]] * len(ids))
    assert [one.response for one in result[1]] == [answer.text for (answer,) in answers]


@pytest.mark.parametrize("batch_size", [7, 100])
def test_the_dev_check_and_lm_eval_find_the_same_accuracy(
    prompts: list[Prompt], result: Result, batch_size: int
) -> None:
    with open_judge(VERIFIER, HASH, processes=1) as judge:
        validate = validator(
            prompts, judge, answer_format=HASH, max_tokens=56, batch_size=batch_size
        )
        found = validate(load_model(MODEL, None, dtype="float32"), load_tokenizer(MODEL, None))
    assert found == pytest.approx(shares(result[0])["accuracy"])


def test_answers_cut_off_stay_in_the_denominator(prompts: list[Prompt]) -> None:
    scores, items = run(replace(GREEDY, max_tokens=3), prompts[:5])
    assert [one.verdict for one in items] == [Verdict.truncated] * 5
    assert [one.finish for one in items] == [Finish.length] * 5
    assert shares(scores)["truncated"] == 1.0
    assert shares(scores)["accuracy"] == 0.0


def test_all_answers_are_judged_in_one_call(prompts: list[Prompt]) -> None:
    calls: list[int] = []

    def counted(judge: Judge) -> Judge:
        return lambda answers: calls.append(len(answers)) or judge(answers)

    run(GREEDY, prompts, through=counted)
    assert calls == [len(prompts)]


@pytest.fixture(scope="module")
def drawn(prompts: list[Prompt]) -> Result:
    """Four answers to each prompt."""
    return run(DRAWN, prompts)


def test_every_sample_of_every_prompt_has_its_own_item(
    prompts: list[Prompt], drawn: Result
) -> None:
    scores, items = drawn
    keys = [(one.item_id, one.sample) for one in items]
    assert keys == [(row.prompt_id, sample) for row in prompts for sample in range(4)]
    texts = [{one.response for one in items if one.item_id == row.prompt_id} for row in prompts]
    assert sum(len(different) > 1 for different in texts) > len(prompts) / 2
    assert {score.items for score in scores} == {len(prompts)}


def test_accuracy_of_several_samples_is_the_mean_of_their_single_accuracies(
    drawn: Result,
) -> None:
    scores, items = drawn
    single = [
        [one.verdict is Verdict.passed for one in items if one.sample == sample]
        for sample in range(4)
    ]
    accuracies = [sum(passed) / len(passed) for passed in single]
    assert len(set(accuracies)) > 1
    assert shares(scores)["accuracy"] == pytest.approx(sum(accuracies) / 4)
    assert shares(scores)["pass@1"] == pytest.approx(shares(scores)["accuracy"])


def test_a_sample_does_not_depend_on_how_many_are_drawn_beside_it(
    prompts: list[Prompt], drawn: Result
) -> None:
    _, fewer = run(replace(DRAWN, samples=2, batch_size=7), prompts)
    _, single = run(replace(DRAWN, samples=1), prompts)
    assert fewer == [one for one in drawn[1] if one.sample < 2]
    assert single == [one for one in drawn[1] if one.sample == 0]


def test_another_seed_draws_other_answers(prompts: list[Prompt], drawn: Result) -> None:
    _, items = run(replace(DRAWN, seed=1), prompts)
    assert sum(a.response != b.response for a, b in zip(items, drawn[1], strict=True)) > 20


def test_the_metrics_of_several_samples(drawn: Result) -> None:
    names = [score.metric for score in drawn[0]]
    verdicts = [verdict.value for verdict in Verdict]
    assert names == ["accuracy", "pass@1", "pass@2", "pass@4", "maj@2", "maj@4", *verdicts]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_tokens": 0}, "max_tokens is 0; wanted at least 1"),
        ({"batch_size": 0}, "batch_size is 0; wanted at least 1"),
        ({"samples": 0}, "samples is 0; wanted at least 1"),
        ({"temperature": -1.0}, "temperature is -1.0; wanted 0 or more"),
        ({"top_p": 0.0}, "top_p is 0.0; wanted above 0"),
        ({"backend": Backend.vllm, "temperature": 0.005}, "temperature is 0.005; wanted 0, or"),
        ({"samples": 4}, "samples is 4 and temperature 0, .* set evaluation.temperature or"),
    ],
)
def test_ranges_are_checked(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=f"evaluation: {message}"):
        replace(EVALUATION, **change)
