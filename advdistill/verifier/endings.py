"""What a text that states no answer outright still settles on with its last words.

Every pattern takes linear time, and only the beginning and the end of a text are looked at.
"""

import re
from collections.abc import Iterable

from advdistill.verifier.options import Named, Options, bracketed_letters
from advdistill.verifier.spelling import plain, words
from advdistill.verifier.statements import Statement


def last_words(text: str, options: Options) -> Statement | None:
    """Return the option that stands alone on its line, else that which the last sentence names."""
    most = 3 * options.reach
    last = [line for line in text[-most:].splitlines() if line.strip()][-2:]
    first = [line for line in text[:most].splitlines() if line.strip()][:2]
    if not first or not last or _listed(last):
        return None if not first or _listed(first) else _alone(first[0], options)
    sentence = _last_sentence(last[-1])
    return (
        _alone(last[-1], options)
        or (None if _listed(first) else _alone(first[0], options))
        or _mentioned(sentence)
        or _ending(sentence, options)
    )


def _listed(lines: list[str]) -> bool:
    """Return whether two lines name options one after the other: `A. cats` and `B. dogs`."""
    items = [match[1] for line in lines if (match := _ITEM.match(plain(line[:30])))]
    return len(items) == 2 and ord(items[1]) - ord(items[0]) == 1


def _alone(line: str, options: Options) -> Statement | None:
    """Return what a line names when it holds nothing else."""
    named = options.of_piece(line, strict=True) if len(line) <= options.reach else None
    return Statement(named, "alone", False) if named else None


def _mentioned(sentence: str) -> Statement | None:
    """Return the only letter in brackets in the last sentence."""
    letters = tuple(dict.fromkeys(bracketed_letters(plain(sentence))))
    if len(letters) != 1 or sentence.endswith("?") or not _DENIALS.isdisjoint(words(sentence)):
        return None
    return Statement(Named(letters, "letter"), "mention", False)


def _ending(sentence: str, options: Options) -> Statement | None:
    """Return the option whose words end the last sentence, which holds those of no other."""
    said = words(sentence)
    ends = {
        letter: own for letter, own in options.words.items() if own and said[-len(own) :] == own
    }
    if not ends or sentence.endswith("?"):
        return None
    letter, own = max(ends.items(), key=lambda item: len(item[1]))
    before = said[: -len(own)]
    others = [words for other, words in options.words.items() if words and other != letter]
    counted = any(char.isdigit() for char in "".join(own)) and before[-1:] not in _COPULA
    if counted or own in others or _says(before, others) or not _DOUBTS.isdisjoint(before):
        return None
    return Statement(Named((letter,), "text"), "ending", False)


def _last_sentence(line: str) -> str:
    """Return the last sentence of a line."""
    sentences = [part.strip() for part in _SENTENCE_END.split(line[-1000:]) if part.strip()]
    return sentences[-1] if sentences else ""


def _says(said: tuple[str, ...], texts: Iterable[tuple[str, ...]]) -> bool:
    """Return whether the words of any of the texts stand together in the sentence."""
    return any(said[place : place + len(own)] == own for own in texts for place in range(len(said)))


_SENTENCE_END = re.compile(r"(?<!\b[A-Za-z])[.!](?:[*_)\"]{0,3}(?:\s|\Z))|(?<=\?)\s|\u3002")
_ITEM = re.compile(r"\s*(?:(?:[Oo]ption|[Cc]hoice)\s)?[(\[]?([A-Z])(?:[)\].:](?:\s|\Z)|\s*\Z)")
_DENIAL = (
    "not|neither|nor|never|none|no|except|incorrect|wrong|cannot|can't|isn't|doesn't|don't"
    "|wouldn't|whether"
)
_DENIALS = frozenset(_DENIAL.split("|"))
_DOUBTS = _DENIALS | {"if", "or"}
_COPULA = (("is",), ("are",), ("be",), ("was",), ("=",), ("equals",), ("about",), ("\u2248",))
