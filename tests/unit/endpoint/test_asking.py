"""A few hundred requests with every fault, held by both limits: `benchmarks.endpoint` in short."""

from itertools import product

import pytest

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.endpoint.asking import Asking, answer
from advdistill.endpoint.chat import Question
from advdistill.endpoint.settings import Endpoint
from advdistill.interfaces import Ask
from advdistill.seeds import sample_seed
from tests.builders import prompt, rows_of
from tests.endpoint.script import Fault, Script, answer_of, prompt_of, share_of_faults
from tests.endpoint.server import largest_window, serve

WINDOW = 1.0
REQUESTS, TOKENS = 120, 25_000
ASKING = Asking(
    question=Question(
        name="m",
        temperature=1.0,
        top_p=1.0,
        max_tokens=8,
        logprobs=False,
        seed=0,
        options={},
    ),
    answer_format=AnswerFormat(style=AnswerStyle.hash, instruction="", system=None, thinking=None),
    answers_per_request=1,
    teacher="m",
)


def endpoint(url: str) -> Endpoint:
    return Endpoint(
        url=url,
        key_variable=None,
        concurrency=32,
        requests_per_minute=REQUESTS,
        tokens_per_minute=TOKENS,
        deadline_seconds=1.5,
        retries=8,
        backoff_seconds=0.05,
        prompt_price=None,
        completion_price=None,
        window_seconds=WINDOW,
    )


@pytest.mark.parametrize("question", ["{n}?", "{n}" + "?" * 222], ids=["requests", "tokens"])
def test_answers_are_there_once_and_no_window_sees_more_than_allowed(question: str) -> None:
    """Longer prompts meet the limit of tokens first."""
    questions = {f"p/train/{n}": question.format(n=n) for n in range(75)}
    asks = [
        Ask(prompt=prompt(name, question=text), samples=range(4))
        for name, text in questions.items()
    ]
    script = Script(plan=share_of_faults(0.2))
    with serve(script, wait_seconds=0.1) as server:
        shards = [asks[start : start + 5] for start in range(0, 75, 5)]
        rows = rows_of(*answer(shards, endpoint=endpoint(server.url), asking=ASKING))
    assert [(row.prompt_id, row.sample) for row in rows] == list(product(questions, range(4)))
    assert [row.text for row in rows] == [
        answer_of(questions[row.prompt_id], sample_seed(0, row.prompt_id, row.sample) % 2**31)
        for row in rows
    ]
    assert set(script.faults) == set(Fault)
    tokens = [
        (one.seconds, len(prompt_of(one.body).encode()) + one.body["max_tokens"])
        for one in server.arrivals
    ]
    assert len(server.arrivals) > 2 * REQUESTS
    assert server.largest_window(WINDOW) <= REQUESTS
    assert largest_window(tokens, WINDOW) <= TOKENS
