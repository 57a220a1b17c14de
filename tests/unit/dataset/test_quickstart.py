"""The quickstart's story problems: disjoint splits, right answers, lengths in equal parts."""

import re
from collections import Counter
from itertools import islice

import pytest

from advdistill.dataset.quickstart import GAINS, LARGEST, LOSSES, StoryProblems, chains
from advdistill.errors import ConfigError
from advdistill.records import Prompt, Split

SETTINGS = {
    "name": "quickstart",
    "seed": 0,
    "train": 40,
    "dev": 20,
    "test": 20,
    "min_terms": 2,
    "max_terms": 5,
}


def load(**changes: object) -> list[Prompt]:
    return list(StoryProblems(**{**SETTINGS, **changes}).load())


def amounts_of(question: str) -> tuple[int, ...]:
    """Read the signed amounts back out of a story."""
    first = re.match(r"\w+ has (\d+) ", question)
    events = re.findall(rf"({'|'.join((*GAINS, *LOSSES))}) (\d+)", question)
    assert first is not None
    return int(first[1]), *(int(n) if verb in GAINS else -int(n) for verb, n in events)


def test_splits_have_their_sizes_and_ids():
    prompts = load()
    assert Counter(prompt.split for prompt in prompts) == {"train": 40, "dev": 20, "test": 20}
    assert len({prompt.prompt_id for prompt in prompts}) == 80
    assert prompts[0].prompt_id == "quickstart/test/00000"


def test_no_chain_of_amounts_is_told_twice():
    stories = Counter(amounts_of(prompt.question) for prompt in load(train=300))
    assert max(stories.values()) == 1


def test_more_training_prompts_leave_every_other_prompt_as_it_is():
    few, many = load(), load(train=120)
    assert many[: len(few)] == few


def test_the_gold_answer_is_the_sum_of_the_amounts():
    assert all(int(p.answer) == sum(amounts_of(p.question)) for p in load(train=200))


@pytest.mark.parametrize("split", Split)
def test_every_number_of_amounts_is_equally_frequent(split: Split):
    prompts = [prompt for prompt in load() if prompt.split is split]
    lengths = Counter(len(amounts_of(prompt.question)) for prompt in prompts)
    assert lengths == dict.fromkeys((2, 3, 4, 5), len(prompts) / 4)
    assert all(p.subject == f"{len(amounts_of(p.question))} amounts" for p in prompts)


def test_running_totals_stay_in_range():
    for terms in islice(chains(seed=3, terms=5), 200):
        totals = [sum(terms[:end]) for end in range(1, 6)]
        assert min(totals) >= 0
        assert max(totals) <= LARGEST
        assert 0 not in terms


def test_a_seed_decides_everything():
    assert load() == load()
    assert {p.question for p in load()}.isdisjoint(p.question for p in load(seed=1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": 0}, "wanted train >= 1"),
        ({"dev": -1}, "wanted train >= 1"),
        ({"test": -1}, "wanted train >= 1"),
        ({"min_terms": 1}, "wanted 2 <= min_terms"),
        ({"min_terms": 4, "max_terms": 3}, "wanted 2 <= min_terms"),
        ({"max_terms": 7}, "wanted 2 <= min_terms"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, int], message: str):
    with pytest.raises(ConfigError, match=message):
        StoryProblems(**{**SETTINGS, **changes})
