import math
from collections.abc import Sequence

import pytest
import torch
from scipy.stats import chisquare
from transformers import GenerationConfig

from advdistill.engine.generation import Continuation, Decoding, Generation
from advdistill.engine.likelihood import likelihoods
from advdistill.engine.transformers import (
    _nucleus,
    _SeededSampler,
    generate,
    open_engine,
)
from advdistill.models import prompt_ids
from advdistill.records import Finish
from advdistill.seeds import sample_seed
from tests.tiny import ANSWER_FORMAT
from tests.unit.engine.engines import QUESTIONS, Engine, asked, opened


def decoding(temperature: float = 1.0, *, top_p: float = 1.0, max_tokens: int = 12) -> Decoding:
    return Decoding(temperature=temperature, top_p=top_p, max_tokens=max_tokens)


GREEDY = decoding(0.0)


def answers(
    engine: Engine,
    questions: Sequence[str],
    how: Decoding,
    seeds: Sequence[Sequence[int]] | None = None,
    *,
    samples: int = 1,
) -> list[list[Generation]]:
    model, tokenizer = engine
    ids = prompt_ids(asked(questions), tokenizer, ANSWER_FORMAT)
    given = seeds or [[sample_seed(0, q, s) for s in range(samples)] for q in questions]
    return generate(model, tokenizer, ids, decoding=how, seeds=given)


@pytest.mark.parametrize("max_tokens", [3, 40])
@pytest.mark.parametrize("question", QUESTIONS)
def test_temperature_zero_is_the_librarys_own_greedy_search(
    trained_engine: Engine, question: str, max_tokens: int
) -> None:
    model, tokenizer = trained_engine
    ids = torch.tensor(prompt_ids(asked([question]), tokenizer, ANSWER_FORMAT))
    output = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=max_tokens
    )
    wanted = tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True)
    ((found,),) = answers(trained_engine, [question], decoding(0.0, max_tokens=max_tokens))
    assert found.text == wanted


@pytest.mark.parametrize(
    "own",
    [
        {"repetition_penalty": 5.0},
        {"no_repeat_ngram_size": 1},
        {"suppress_tokens": list(range(40, 200))},
        {"do_sample": True, "temperature": 9.0, "top_k": 2, "top_p": 0.1},
        {"min_new_tokens": 11, "max_new_tokens": 2, "num_beams": 3},
    ],
    ids=lambda own: "+".join(own),
)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_models_own_generation_config_changes_nothing_but_where_it_stops(
    tiny: str, random_engine: Engine, own: dict[str, object], temperature: float
) -> None:
    model, tokenizer = opened(tiny)
    model.generation_config = GenerationConfig(eos_token_id=[0, 2], pad_token_id=0, **own)
    before = model.generation_config.to_dict()
    how = decoding(temperature)
    found = answers((model, tokenizer), QUESTIONS, how, samples=2)
    assert found == answers(random_engine, QUESTIONS, how, samples=2)
    assert model.generation_config.to_dict() == before


def same_answers(one: Sequence[Generation], other: Sequence[Generation]) -> bool:
    return [(a.text, a.tokens, a.finish) for a in one] == [
        (b.text, b.tokens, b.finish) for b in other
    ]


@pytest.mark.parametrize("how", [decoding(), decoding(0.7, top_p=0.8), GREEDY])
def test_a_sample_is_the_same_alone_and_in_a_batch(random_engine: Engine, how: Decoding) -> None:
    together = answers(random_engine, QUESTIONS, how, samples=3)
    for question, beside in zip(QUESTIONS, together, strict=True):
        (alone,) = answers(random_engine, [question], how, samples=3)
        assert same_answers(alone, beside)
        assert [a.logprob_sum for a in alone] == pytest.approx([b.logprob_sum for b in beside])


def test_a_sample_is_the_same_beside_any_others_of_its_prompt(random_engine: Engine) -> None:
    seeds = [sample_seed(0, "q", sample) for sample in range(4)]
    ((*whole,),) = answers(random_engine, QUESTIONS[:1], decoding(), [seeds])
    ((*part,),) = answers(random_engine, QUESTIONS[:1], decoding(), [seeds[:0:-2]])
    assert same_answers(part, whole[:0:-2])
    assert len({one.text for one in whole}) == 4


def test_prompts_may_have_different_numbers_of_answers(random_engine: Engine) -> None:
    seeds = [[sample_seed(0, "q", sample) for sample in range(count)] for count in (3, 1, 2)]
    ragged = answers(random_engine, QUESTIONS[:3], decoding(), seeds)
    assert [len(group) for group in ragged] == [3, 1, 2]
    for question, own, beside in zip(QUESTIONS, seeds, ragged, strict=False):
        (alone,) = answers(random_engine, [question], decoding(), [own])
        assert same_answers(alone, beside)


@pytest.mark.parametrize("how", [decoding(max_tokens=40), decoding(0.0, max_tokens=9)])
def test_the_logprob_is_that_of_the_model_on_the_whole_answer(
    trained_engine: Engine, how: Decoding
) -> None:
    """Whatever the temperature: the model's own probability, the end-of-turn token included."""
    model, tokenizer = trained_engine
    cold = Decoding(temperature=how.temperature / 2, top_p=0.9, max_tokens=how.max_tokens)
    for settings in (how, cold):
        rows = answers(trained_engine, QUESTIONS, settings, samples=4)
        for question, row in zip(QUESTIONS, rows, strict=True):
            (context,) = prompt_ids(asked([question]), tokenizer, ANSWER_FORMAT)
            for one in row:
                ids = tokenizer(one.text, add_special_tokens=False)["input_ids"]
                ids += [tokenizer.eos_token_id] * (one.finish is Finish.stop)
                assert len(ids) == one.tokens
                with torch.inference_mode():
                    logits = model(torch.tensor([context + ids])).logits[0, len(context) - 1 : -1]
                chosen = torch.log_softmax(logits, -1).gather(1, torch.tensor(ids)[:, None])
                assert one.logprob_sum == pytest.approx(chosen.sum().item(), abs=1e-5, rel=1e-5)


def test_an_answer_that_ends_stops_and_one_cut_off_has_the_full_length(
    trained_engine: Engine,
) -> None:
    (row,) = answers(trained_engine, QUESTIONS[1:2], decoding(max_tokens=50), samples=4)
    for one in row:
        assert (one.finish is Finish.stop) == (one.tokens < 50)
        assert "<|" not in one.text
    ((cut,),) = answers(trained_engine, QUESTIONS[:1], decoding(0.0, max_tokens=3))
    assert (cut.finish, cut.tokens) == (Finish.length, 3)


LOGITS = [2.0, 1.0, 0.5, 0.0, -1.0, -2.0, 0.5, -0.5]
DRAWS = 20_000


def drawn(temperature: float, top_p: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how often each token of the fixed logits is drawn, and the logprobs kept."""
    sampler = _SeededSampler(
        seeds_B=torch.tensor([sample_seed(0, "p", sample) for sample in range(DRAWS)]),
        start=5,
        temperature=temperature,
        top_p=top_p,
    )
    scores = torch.tensor(LOGITS).repeat(DRAWS, 1)
    choice = sampler(torch.zeros(DRAWS, 6, dtype=torch.long), scores).argmax(-1)
    wanted = torch.log_softmax(torch.tensor(LOGITS), 0)[choice]
    torch.testing.assert_close(sampler.logprobs[0], wanted)
    return torch.bincount(choice, minlength=len(LOGITS)), choice


@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0])
def test_tokens_are_drawn_as_often_as_the_softmax_says(temperature: float) -> None:
    counts, _ = drawn(temperature, 1.0)
    wanted = torch.softmax(torch.tensor(LOGITS, dtype=torch.float64) / temperature, 0) * DRAWS
    assert chisquare(counts.numpy(), wanted.numpy()).pvalue > 0.01


def test_the_nucleus_is_drawn_from_as_its_own_softmax_says() -> None:
    counts, _ = drawn(1.0, 0.7)
    shares = torch.softmax(torch.tensor(LOGITS, dtype=torch.float64), 0)
    kept = [0, 1, 2]
    assert shares[kept[:2]].sum() < 0.7 <= shares[kept].sum()
    assert counts.sum() == counts[kept].sum()
    wanted = shares[kept] / shares[kept].sum() * DRAWS
    assert chisquare(counts[kept].numpy(), wanted.numpy()).pvalue > 0.01


def test_temperature_zero_draws_the_likeliest_alone() -> None:
    counts, _ = drawn(0.0, 1.0)
    assert counts.tolist() == [DRAWS] + [0] * 7


@pytest.mark.parametrize(
    ("top_p", "kept"),
    [(1e-9, 1), (0.4999, 1), (0.5001, 2), (0.7499, 2), (0.7501, 3), (0.8749, 3), (0.99, 4), (1, 4)],
)
def test_the_nucleus_is_the_smallest_set_that_reaches_its_mass(top_p: float, kept: int) -> None:
    shares = [0.125, 0.5, 0.125, 0.25]
    order = [1, 3, 0, 2]
    found = _nucleus(torch.tensor([shares]).log(), top_p)[0]
    assert sorted(found.isfinite().nonzero().flatten().tolist()) == sorted(order[:kept])
    assert found[order[:kept]].tolist() == pytest.approx(
        [math.log(shares[i]) for i in order[:kept]]
    )


def test_an_opened_engine_answers_as_its_functions_do(trained_engine: Engine) -> None:
    engine = open_engine("builtin:tiny_teacher", None, dtype="float32")
    ids = prompt_ids(asked(QUESTIONS), engine.tokenizer, ANSWER_FORMAT)
    seeds, how = [[0]] * len(ids), decoding(0.0)
    wanted = answers(trained_engine, QUESTIONS, how, seeds)
    assert engine.generate(ids, decoding=how, seeds=seeds) == wanted
    weighed = [Continuation(context=context, tokens=[5, 6]) for context in ids]
    assert engine.likelihoods(weighed) == likelihoods(*trained_engine, weighed)
