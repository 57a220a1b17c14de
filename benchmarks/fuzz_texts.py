"""Makes hostile and near-valid answers from a seed alone, some with a known value.

A text is built from pieces of markers, numbers, LaTeX, code and prose, or is a whole answer that is
then cut, spliced or repeated. Where it was built from a value, by rewriting alone, the verifiers
that must pass it are known, and where it was built from another value, those that must not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from random import Random

from advdistill.answers import LETTERS, AnswerFormat, AnswerStyle
from advdistill.records import AnswerKind, Finish, Prompt, Response, Split
from benchmarks.fuzz_pieces import (
    CODE,
    LATEX,
    MARKERS,
    NESTS,
    ODD,
    PIECES,
    PROSE,
    SPELLINGS,
    UNIT_SPELLINGS,
    number_like,
    plain,
    value,
)

FORMATS = {
    style: AnswerFormat(style=style, instruction="", system=None, thinking=None)
    for style in AnswerStyle
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An answer, what it answers, and what must come of it."""

    text: str
    style: AnswerStyle
    number: str
    """The gold number, letter and word."""
    letter: str
    word: str
    finish: Finish = Finish.stop
    passes: Mapping[str, bool] = field(default_factory=dict)
    """Whether the verifier of that name must pass it, or must not; others may do either."""

    def prompt(self, kind: AnswerKind) -> Prompt:
        """Return the problem for a verifier of such answers."""
        if kind is AnswerKind.choice:
            return _prompt(kind, self.letter)
        return _prompt(kind, self.word if kind is AnswerKind.text else self.number)

    def response(self) -> Response:
        """Return the answer."""
        return Response(
            prompt_id="fuzz/train/0",
            sample=0,
            text=self.text,
            tokens=len(self.text) // 4,
            finish=self.finish,
            teacher="fuzz",
        )


@lru_cache(maxsize=1024)
def _prompt(kind: AnswerKind, gold: str) -> Prompt:
    return Prompt(
        prompt_id="fuzz/train/0",
        split=Split.train,
        question="?",
        answer=gold,
        kind=kind,
        choices=OPTIONS if kind is AnswerKind.choice else None,
    )


OPTIONS = ("granite", "a warm wind", "moonlight", "iron filings", "river mud")
_WORDS = ("north pole", "photosynthesis", "Ludwig", "left hand", "zinc")
_SENTENCES = (
    "She packs {0} boxes with {1} eggs each.\n",
    "That makes {0} * {1} = <<{0}*{1}={2}>>{2} in all.\n",
    "He had {2} and gave {0} away, so he keeps the rest. ",
    "First, add {0} and {1}. ",
    "The train covers {0} km in {1} hours.\n\n",
    "Let $x = {0}$ and $y = {2}$. ",
    "After {1} days only ${0} were left.\n",
)
_TAILS = ("", "", "\n", " \n\n", "\nI hope this helps!", "\n\nThat is all.", "\n```", "  ")


def case(random: Random) -> Case:
    """Return the next answer of a generator."""
    make = random.choices(_MAKERS, _SHARES)[0]
    return make(random)


def _number_case(random: Random) -> Case:
    """Return an answer that holds the gold number, or another, spelled in some way."""
    gold, other = value(random), value(random)
    right = random.random() < 0.5
    if gold == other:
        right = True
    spell = random.choice(SPELLINGS)
    only_number = random.random() < 0.5
    if only_number:
        spell = random.choice(UNIT_SPELLINGS)
    names = ("number",) if only_number else ("number", "math")
    answered = _answered(random, spell(gold if right else other))
    return replace(answered, number=plain(gold), passes=dict.fromkeys(names, right))


def _choice_case(random: Random) -> Case:
    """Return an answer that settles on the gold option, or on another."""
    gold, other = random.sample(range(len(OPTIONS)), 2)
    right = random.random() < 0.5
    place = gold if right else other
    spelling = random.choice(_CHOICE_SPELLINGS).format(LETTERS[place], OPTIONS[place])
    answered = _answered(random, spelling)
    return replace(answered, letter=LETTERS[gold], passes={"choice": right})


def _word_case(random: Random) -> Case:
    """Return an answer that is the gold word, or another."""
    gold, other = random.sample(_WORDS, 2)
    right = random.random() < 0.5
    answered = _answered(random, gold if right else other)
    return replace(answered, word=gold, passes={"exact": right})


def _mutated_case(random: Random) -> Case:
    """Return a whole answer, changed in a few places."""
    base = random.choice((_number_case, _choice_case, _word_case))(random)
    text = base.text
    for _ in range(random.randint(1, 5)):
        text = random.choice(_MUTATIONS)(random, text)
    return _unknown(random, text, base)


def _soup_case(random: Random) -> Case:
    """Return pieces of everything."""
    pieces = random.choices(PIECES, k=random.randint(1, 14))
    if random.random() < 0.7:
        for place in range(0, len(pieces), 3):
            pieces[place] = number_like(random)
    return _unknown(random, "".join(pieces))


def _marked_soup_case(random: Random) -> Case:
    """Return an answer in its marker that is made of pieces."""
    pieces = random.choices((*LATEX, *PROSE, *CODE, *ODD), k=random.randint(1, 7))
    pieces[::2] = [number_like(random) for _ in pieces[::2]]
    return _unknown(random, _answered(random, "".join(pieces)).text)


def _repeated_case(random: Random) -> Case:
    """Return a few pieces many times over; one in a thousand is as long as a megabyte."""
    piece = "".join(random.choices(PIECES, k=random.randint(1, 3)))
    longest = 1_000_000 if random.random() < 0.001 else 1_500
    times = int(math.exp(random.uniform(0, math.log(longest / len(piece)))))
    start, end = _piece(random), _answered(random, number_like(random)).text
    return _unknown(random, start + piece * times + random.choice(("", end)))


def _nested_case(random: Random) -> Case:
    """Return something deep, closed or not."""
    opener, closer = random.choice(NESTS)
    deepest = 20_000 if random.random() < 0.01 else 500
    depth = int(math.exp(random.uniform(0, math.log(deepest))))
    closed = random.choice((0, depth - 1, depth, depth + 1))
    inside = f"{opener * depth}{number_like(random)}{closer * closed}"
    return _unknown(random, random.choice((inside, _answered(random, inside).text)))


def _spliced_case(random: Random) -> Case:
    """Return the start of one answer and the end of another."""
    one, two = (random.choice(_WHOLE)(random) for _ in range(2))
    cut = random.randint(0, len(one.text))
    return _unknown(random, one.text[:cut] + two.text[random.randint(0, len(two.text)) :], two)


_WHOLE = (_number_case, _choice_case, _word_case, _soup_case, _marked_soup_case)
_MAKERS: tuple[Callable[[Random], Case], ...] = (
    *(_number_case, _choice_case, _word_case, _mutated_case, _soup_case),
    *(_marked_soup_case, _repeated_case, _nested_case, _spliced_case),
)
_SHARES = (16, 12, 4, 28, 12, 12, 4, 3, 9)


def _unknown(random: Random, text: str, base: Case | None = None) -> Case:
    """Return a text of which nothing is known but that it must be judged."""
    base = base or _answered(random, "")
    finish = random.choices(tuple(Finish), (17, 2, 1))[0]
    return replace(base, text=text, finish=finish, passes={})


def _answered(random: Random, answer: str) -> Case:
    """Return some reasoning and the answer in the marker of some format."""
    style = random.choice(_STYLES)
    numbers = random.randint(2, 99), random.randint(2, 9)
    said = "".join(random.choices(_SENTENCES, k=random.randint(0, 2)))
    reasoning = said.format(*numbers, numbers[0] * numbers[1])
    return Case(
        text=f"{reasoning}\n{FORMATS[style].write(answer)}{random.choice(_TAILS)}",
        style=style,
        number=str(numbers[0]),
        letter=random.choice("ABCDE"),
        word=random.choice(_WORDS),
    )


_STYLES = tuple(AnswerStyle)


_CHOICE_SPELLINGS = ("{0}", "({0})", "{0}.", "**{0}**", "{0}. {1}", "({0}) {1}", "{1}", "{0}) {1}")


def _piece(random: Random) -> str:
    return random.choice(PIECES)


def _cut(random: Random, text: str) -> str:
    start, end = sorted((random.randint(0, len(text)), random.randint(0, len(text))))
    return text[:start] + text[end:] if random.random() < 0.5 else text[start:end]


def _doubled(random: Random, text: str) -> str:
    start = random.randint(0, len(text))
    end = start + random.randint(1, 40)
    return text[:end] + text[start:]


def _added(random: Random, text: str) -> str:
    place = random.randint(0, len(text))
    piece = random.choice((_piece, number_like))(random)
    return text[:place] + piece + text[place:]


def _truncated_marker(random: Random, text: str) -> str:
    place, marker = random.randint(0, len(text)), random.choice(MARKERS)
    return text[:place] + marker[: random.randint(0, len(marker))] + text[place:]


def _changed(random: Random, text: str) -> str:
    place = random.randint(0, len(text))
    return (
        text[:place]
        + chr(random.choice((random.randrange(128), random.randrange(0x11000))))
        + (text[place + 1 :])
    )


def _ended(random: Random, text: str) -> str:
    return text[: random.randint(0, len(text))]


_MUTATIONS: tuple[Callable[[Random, str], str], ...] = (
    *(_cut, _doubled, _added, _added, _truncated_marker, _changed, _changed, _ended),
    lambda random, text: text.swapcase() if random.random() < 0.3 else text.replace(" ", ""),
)
