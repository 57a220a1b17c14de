"""Training prompts that share a long passage with a held-out question."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from advdistill.records import Prompt

_PUNCTUATION = re.compile(r"[^\w\s+\-*/=<>^%.]|\.(?!\d)|_")
"""Not the signs of arithmetic and the decimal point: `2 + 3` and `2 - 3` are two questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """A training prompt and one held-out prompt that shares a passage with it."""

    train_id: str
    held_out_id: str
    passage: str
    """The first words that both have, as they are compared."""


def overlaps(
    train_prompts: Sequence[Prompt], held_out_prompts: Sequence[Prompt], *, words: int
) -> list[Overlap]:
    """Return one overlap for each training prompt that shares `words` words with a held-out one.

    The questions are compared, not the options. Words are lower-case, parted by white space and
    without punctuation, as in GPT-3 (arXiv 2005.14165, appendix C), which took 13 of them. Unlike
    the paper, the signs of arithmetic count, the whole prompt is overlapping instead of the passage
    and 200 characters around it, and a question of fewer words overlaps with one that is the same
    as a whole.

    Takes time linear in the text, and memory for each held-out passage: one number and its place.
    """
    held_out = [_words(prompt.question) for prompt in held_out_prompts]
    places = {
        hash(passage): (number, start)
        for number in reversed(range(len(held_out)))
        for start, passage in enumerate(_passages(held_out[number], words))
    }
    found = (
        (prompt, _first_shared(_words(prompt.question), held_out, places, words))
        for prompt in train_prompts
    )
    return [
        Overlap(
            train_id=prompt.prompt_id,
            held_out_id=held_out_prompts[shared[0]].prompt_id,
            passage=" ".join(shared[1]),
        )
        for prompt, shared in found
        if shared is not None
    ]


def _first_shared(
    train: Sequence[str],
    held_out: Sequence[Sequence[str]],
    places: dict[int, tuple[int, int]],
    words: int,
) -> tuple[int, tuple[str, ...]] | None:
    """Return the first shared passage and which held-out question has it."""
    for passage in _passages(train, words):
        number, start = places.get(hash(passage), (None, 0))
        # Two passages may have one hash: the words decide.
        if number is not None and tuple(held_out[number][start : start + len(passage)]) == passage:
            return number, passage
    return None


def _passages(question: Sequence[str], words: int) -> Iterator[tuple[str, ...]]:
    """Yield every run of so many words, or the whole of a shorter question."""
    if len(question) < words:
        return iter([tuple(question)] if question else [])
    return zip(*(question[start:] for start in range(words)), strict=False)


def _words(question: str) -> list[str]:
    return _PUNCTUATION.sub("", question.casefold()).split()
