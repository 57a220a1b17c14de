import math

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    MistralConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen3_5TextConfig,
)

from advdistill.engine.generation import Continuation, Decoding
from advdistill.engine.likelihood import likelihoods
from advdistill.engine.transformers import generate
from advdistill.models import load_tokenizer, prompt_ids
from advdistill.records import Finish
from tests.tiny import ANSWER_FORMAT
from tests.unit.engine.engines import QUESTIONS, Engine, asked


def continuations(engine: Engine, *texts: str) -> list[Continuation]:
    """Return every text behind every question, of different lengths side by side."""
    _, tokenizer = engine
    tokens = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    contexts = prompt_ids(asked(QUESTIONS), tokenizer, ANSWER_FORMAT)
    return [Continuation(context=context, tokens=one) for context in contexts for one in tokens]


def expected(model: PreTrainedModel, one: Continuation) -> torch.Tensor:
    """Return the log-probabilities of all tokens where the continuation's stand, unpadded."""
    whole = torch.tensor([[*one.context, *one.tokens]])
    with torch.inference_mode():
        return model(whole).logits[0, len(one.context) - 1 : -1].log_softmax(-1)


def own_logprobs(model: PreTrainedModel, one: Continuation) -> torch.Tensor:
    return expected(model, one).gather(1, torch.tensor(one.tokens)[:, None])[:, 0]


def best_logprobs(model: PreTrainedModel, one: Continuation) -> torch.Tensor:
    return expected(model, one).max(-1).values


@pytest.mark.parametrize("name", ["random_engine", "trained_engine"])
def test_a_likelihood_is_the_models_own_on_the_continuation_alone(
    name: str, request: pytest.FixtureRequest
) -> None:
    engine: Engine = request.getfixturevalue(name)
    model, tokenizer = engine
    asked_for = continuations(engine, "#### 2", "7", "so 1 + 1 = 2. #### 2 apples")
    found = likelihoods(model, tokenizer, asked_for)
    for one, likelihood in zip(asked_for, found, strict=True):
        logprobs_T = own_logprobs(model, one)
        assert likelihood.logprob_sum == pytest.approx(logprobs_T.sum().item(), rel=1e-5, abs=1e-5)
        assert likelihood.greedy == bool((logprobs_T == best_logprobs(model, one)).all())


def test_a_likelihood_is_the_same_alone_and_in_a_batch(random_engine: Engine) -> None:
    asked_for = continuations(random_engine, "A", "#### 2", "a long answer that pads the others")
    together = likelihoods(*random_engine, asked_for)
    alone = [likelihoods(*random_engine, [one])[0] for one in asked_for]
    assert [one.logprob_sum for one in together] == pytest.approx(
        [one.logprob_sum for one in alone], rel=1e-5
    )
    assert [one.greedy for one in together] == [one.greedy for one in alone]


def test_the_probabilities_of_all_next_tokens_sum_to_one(random_engine: Engine) -> None:
    _, tokenizer = random_engine
    (context,) = prompt_ids(asked(QUESTIONS[:1]), tokenizer, ANSWER_FORMAT)
    every = [Continuation(context=context, tokens=[token]) for token in range(len(tokenizer))]
    found = likelihoods(*random_engine, every)
    assert sum(math.exp(one.logprob_sum) for one in found) == pytest.approx(1.0)
    assert sum(one.greedy for one in found) == 1


def test_a_greedy_answer_is_the_likeliest_and_as_likely_as_its_own_logprob(
    trained_engine: Engine,
) -> None:
    model, tokenizer = trained_engine
    contexts = prompt_ids(asked(QUESTIONS), tokenizer, ANSWER_FORMAT)
    greedy = Decoding(temperature=0.0, top_p=1.0, max_tokens=12)
    seeds = [[0]] * len(contexts)
    groups = generate(model, tokenizer, contexts, decoding=greedy, seeds=seeds)
    written = [answer for (answer,) in groups]
    ids = tokenizer([one.text for one in written], add_special_tokens=False)["input_ids"]
    ends = [[tokenizer.eos_token_id] * (one.finish is Finish.stop) for one in written]
    found = likelihoods(
        model,
        tokenizer,
        [
            Continuation(context=context, tokens=[*tokens, *end])
            for context, tokens, end in zip(contexts, ids, ends, strict=True)
        ],
    )
    assert [one.greedy for one in found] == [True] * len(QUESTIONS)
    assert [one.logprob_sum for one in found] == pytest.approx(
        [one.logprob_sum for one in written], rel=1e-4, abs=1e-5
    )


def test_a_tokenizer_that_pads_on_the_right_changes_no_likelihood(
    tiny: str, random_engine: Engine
) -> None:
    model, tokenizer = random_engine
    asked_for = continuations(random_engine, "A", "#### 2")
    right = load_tokenizer(tiny, None)
    right.padding_side = "right"
    assert likelihoods(model, right, asked_for) == likelihoods(model, tokenizer, asked_for)


def test_a_context_that_several_share_is_read_once(random_engine: Engine) -> None:
    model, tokenizer = random_engine
    read: list[int] = []
    hook = model.model.embed_tokens.register_forward_hook(
        lambda _, inputs, __: read.append(inputs[0].numel())
    )
    (context,) = prompt_ids(asked(QUESTIONS[:1]), tokenizer, ANSWER_FORMAT)
    likelihoods(model, tokenizer, [Continuation(context=context, tokens=[5, 6])] * 10)
    hook.remove()
    assert read == [len(context), 10]


SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
}
LINEAR = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 2,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
}


@pytest.mark.parametrize(
    "config",
    [
        MistralConfig(**SMALL, sliding_window=8, vocab_size=300),
        Qwen3_5TextConfig(**SMALL, **LINEAR, vocab_size=300),
    ],
    ids=["sliding window", "linear attention"],
)
def test_other_kinds_of_attention_are_read_as_well(
    config: PreTrainedConfig, random_engine: Engine
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).eval()
    asked_for = continuations((model, random_engine[1]), "A", "Answer: B", "so it goes")
    found = likelihoods(model, random_engine[1], asked_for)
    assert [one.logprob_sum for one in found] == pytest.approx(
        [own_logprobs(model, one).sum().item() for one in asked_for], rel=1e-5, abs=1e-5
    )
