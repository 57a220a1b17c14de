"""What a text that states no answer outright still settles on with its last words.

Every pattern takes linear time, and only the beginning and the end of a text are looked at.
"""

import re
from collections.abc import Iterable

from advdistill.verifier.options import Named, Options, bracketed_letters, plain, words
from advdistill.verifier.statements import Statement


def last_words(text: str, options: Options) -> Statement | None:
    """Return the option that stands alone on its line, else that which the last sentence names."""
    return _alone(text, options) or _mentioned(text) or _ending(text, options)


def _alone(text: str, options: Options) -> Statement | None:
    """Return what the last line, or else the first, names when it holds nothing else."""
    most = 3 * options.reach
    last = [line for line in text[-most:].splitlines() if line.strip()][:-3:-1]
    first = [line for line in text[:most].splitlines() if line.strip()][:2]
    for line, *beside in filter(None, (last, first)):
        listed = any(_ITEM.match(plain(other)) for other in beside)
        named = None if listed else options.of_piece(line, strict=True)
        if named:
            return Statement(named, "alone", False)
    return None


def _mentioned(text: str) -> Statement | None:
    """Return the only letter in brackets in the last sentence."""
    sentence = _last_sentence(text)
    letters = tuple(dict.fromkeys(bracketed_letters(plain(sentence))))
    if len(letters) != 1 or sentence.endswith("?") or not _DENIALS.isdisjoint(words(sentence)):
        return None
    return Statement(Named(letters, "letter"), "mention", False)


def _ending(text: str, options: Options) -> Statement | None:
    """Return the option whose words end the last sentence, which holds those of no other."""
    sentence = _last_sentence(text)
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


def _last_sentence(text: str) -> str:
    """Return the last sentence of the last line that is not blank."""
    line = text.rstrip()[-1000:].rpartition("\n")[2]
    sentences = [part.strip() for part in _SENTENCE_END.split(line) if part.strip()]
    return sentences[-1] if sentences else ""


def _says(said: tuple[str, ...], texts: Iterable[tuple[str, ...]]) -> bool:
    """Return whether the words of any of the texts stand together in the sentence."""
    return any(said[place : place + len(own)] == own for own in texts for place in range(len(said)))


_SENTENCE_END = re.compile(r"(?<!\b[A-Za-z])[.!](?:[*_)\"]{0,3}(?:\s|\Z))|(?<=\?)\s|\u3002")
_ITEM = re.compile(r"\s*[(\[]?[A-Z][)\].:](?:\s|\Z)")
_DENIAL = (
    "not|neither|nor|never|none|no|except|incorrect|wrong|cannot|can't|isn't|doesn't|don't"
    "|wouldn't|whether"
)
_DENIALS = frozenset(_DENIAL.split("|"))
_DOUBTS = _DENIALS | {"if", "or"}
_COPULA = (("is",), ("are",), ("be",), ("was",), ("=",), ("equals",), ("about",), ("\u2248",))
