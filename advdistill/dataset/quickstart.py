"""Story problems of a seeded arithmetic chain: the data set that needs no network."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, cycle, islice
from pathlib import Path

from advdistill.errors import ConfigError
from advdistill.records import AnswerKind, Prompt, Split

NAMES = ("Mia", "Tom", "Ana", "Ben", "Zoe", "Sam", "Eva", "Max", "Ida", "Leo", "Amy", "Jon")
THINGS = ("shells", "coins", "cards", "stamps", "beads", "nuts", "pens", "books")
GAINS = ("gets", "finds", "buys", "wins")
LOSSES = ("loses", "sells", "gives away", "drops")

LARGEST = 99
"""Every amount of a story lies between 0 and this."""


@dataclass(frozen=True, kw_only=True)
class StoryProblems:
    """Story problems of two to five amounts, drawn from reasoning-gym's `chain_sum`.

    The splits share no chain of amounts: a chain that was drawn once is never drawn again. Test
    and dev are drawn before train, so that they stay the same when more training prompts are asked
    for.
    """

    name: str
    seed: int
    train: int
    dev: int
    test: int
    min_terms: int
    max_terms: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        if min(self.train, self.dev, self.test) < 0 or self.train == 0:
            raise ConfigError(
                f"dataset '{self.name}': train={self.train}, dev={self.dev}, test={self.test}; "
                "wanted train >= 1 and none below 0"
            )
        if not 2 <= self.min_terms <= self.max_terms <= 6:
            raise ConfigError(
                f"dataset '{self.name}': min_terms={self.min_terms}, max_terms={self.max_terms}; "
                "wanted 2 <= min_terms <= max_terms <= 6"
            )

    def sources(self) -> Sequence[Path]:
        """Return nothing: the problems are drawn, not read."""
        return []

    def load(self) -> Iterator[Prompt]:
        """Yield the prompts of test, dev and train, in this order."""
        stories = self._stories()
        for split, size in (
            (Split.test, self.test),
            (Split.dev, self.dev),
            (Split.train, self.train),
        ):
            for index, (amounts, question) in enumerate(islice(stories, size)):
                yield Prompt(
                    prompt_id=f"{self.name}/{split}/{index:05d}",
                    split=split,
                    question=question,
                    answer=str(sum(amounts)),
                    kind=AnswerKind.number,
                    subject=f"{len(amounts)} amounts",
                )

    def _stories(self) -> Iterator[tuple[tuple[int, ...], str]]:
        wording = random.Random(self.seed)
        lengths = range(self.min_terms, self.max_terms + 1)
        streams = cycle([_distinct(chains(seed=self.seed, terms=length)) for length in lengths])
        for stream in streams:
            terms = next(stream)
            yield terms, tell(terms, wording)


def chains(*, seed: int, terms: int) -> Iterator[tuple[int, ...]]:
    """Yield signed amounts without end; every running total lies between 0 and `LARGEST`."""
    import reasoning_gym

    block = 1_000_000
    for offset in count():
        drawn = reasoning_gym.create_dataset(
            "chain_sum",
            seed=(seed * 1_000 + offset) * block,
            size=block,
            min_terms=terms,
            max_terms=terms,
            min_digits=1,
            max_digits=2,
        )
        for index in range(block):
            amounts = _amounts(drawn[index]["metadata"]["expression"])
            totals = list(accumulate(amounts))
            if amounts[0] > 1 and 0 not in amounts and min(totals) >= 0 and max(totals) <= LARGEST:
                yield amounts


def tell(amounts: tuple[int, ...], wording: random.Random) -> str:
    """Return the chain as a story that ends in a question."""
    name, thing = wording.choice(NAMES), wording.choice(THINGS)
    events = [
        f"{name} {wording.choice(GAINS if amount > 0 else LOSSES)} {abs(amount)}."
        for amount in amounts[1:]
    ]
    return " ".join(
        [f"{name} has {amounts[0]} {thing}.", *events, f"How many {thing} does {name} have now?"]
    )


def _distinct(items: Iterator[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
    seen: set[tuple[int, ...]] = set()
    for item in items:
        if item not in seen:
            seen.add(item)
            yield item


def _amounts(expression: str) -> tuple[int, ...]:
    first, *rest = expression.split()
    signs = {"+": 1, "-": -1}
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return (int(first), *(signs[sign] * int(amount) for sign, amount in pairs))
