"""Finds what a text without a marked answer says in the end: `so B is right`, `therefore, (C)`.

Every pattern runs in linear time; of very many statements only the last ones are read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from advdistill.verifier.options import NOTHING, Named, Options, bracketed_letters, plain, words

_MOST = 64
"""So many statements are read, from the last one back, until one of them names an option."""
_CLAIM_CHARACTERS = 400
"""So much behind `the answer is` is read, and more where an option is longer."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a text says its answer is."""

    named: Named
    tier: str
    closed: bool
    """False where a text cut off at its end might have gone on with the answer."""


def final_statement(text: str, options: Options) -> Statement | None:
    """Return the last explicit statement; else what the whole text or its end names."""
    for read in (_explicit, _alone, _mentioned, _option_text):
        if found := read(text, options):
            return found
    return None


def _explicit(text: str, options: Options) -> Statement | None:
    """Return the last sentence of the sort `the answer is B` that can be read."""
    matches = [*_INTRODUCED.finditer(text), *_JUDGED.finditer(text)]
    matches.sort(key=lambda match: match.end(), reverse=True)
    for match in islice(matches, _MOST):
        before = _CLAUSE_END.split(text[max(0, match.start() - 40) : match.start()])[-1]
        if _DOUBTED.search(before) or _DOUBTED.search(match["between"] or ""):
            continue
        if match.re is _JUDGED:
            return Statement(Named((match["label"].strip("()"),), "letter"), "statement", True)
        if found := _claimed(text[match.end() :], match, options):
            return found
    return None


def _claimed(after: str, match: re.Match[str], options: Options) -> Statement | None:
    """Return what the words behind `the answer is` name."""
    if _LISTED.search(match["between"] or ""):
        return None
    claim = after[: _CLAIM_CHARACTERS + options.longest]
    if "\n" in match[0] and len(_ITEM_LINES.findall(claim)) > 1:
        return None
    named = options.of_piece(claim.lstrip(), strict=match["so"] is not None)
    if named is None or (match["most"] and named.how != "letter"):
        return None
    return Statement(named, "statement", _CLOSED.search(claim.strip(" ")) is not None)


def _alone(text: str, options: Options) -> Statement | None:
    """Return what the last line, or else the first, names when it holds nothing else."""
    lines = [line for line in text[-4000:].splitlines() if line.strip()]
    first = [line for line in text[:4000].splitlines() if line.strip()]
    for line, other in ((lines[-1:], lines[-2:-1]), (first[:1], first[1:2])):
        if line and not (other and _ITEM.match(plain(other[0]))):
            named = options.of_piece(line[0][: _CLAIM_CHARACTERS + options.longest], strict=True)
            if named:
                return Statement(named, "alone", False)
    return None


def _mentioned(text: str, options: Options) -> Statement | None:
    """Return the only letter in brackets in the last sentence."""
    sentence = _last_sentence(text)
    letters = dict.fromkeys(bracketed_letters(plain(sentence)))
    if len(letters) != 1 or _NEGATIVE.search(sentence) or sentence.endswith("?"):
        return None
    return Statement(Named(tuple(letters), "letter"), "mention", False)


def _option_text(text: str, options: Options) -> Statement | None:
    """Return the option whose words end the last sentence, which holds those of no other."""
    sentence = _last_sentence(text)
    if not options.known or _NEGATIVE.search(sentence) or sentence.endswith("?"):
        return None
    said = words(sentence)
    ends = {letter: own for letter, own in options.words.items() if own and said[-len(own) :] == own}
    if not ends:
        return None
    letter = max(ends, key=lambda letter: len(ends[letter]))
    rest = said[: -len(ends[letter])]
    others = (own for other, own in options.words.items() if other != letter and own)
    if _is_number(ends[letter]) and rest[-1:] not in _COPULAS:
        return None
    if any(_within(own, rest) for own in others) or list(options.words.values()).count(ends[letter]) > 1:
        return None
    return Statement(Named((letter,), "text"), "sentence", False)


def _last_sentence(text: str) -> str:
    """Return the last sentence of the last line that is not blank."""
    line = text.rstrip()[-1000:].rpartition("\n")[2]
    sentences = [part.strip() for part in _SENTENCE_END.split(line) if part.strip()]
    return sentences[-1] if sentences else ""


def _within(own: tuple[str, ...], said: tuple[str, ...]) -> bool:
    """Return whether the words stand together in the sentence."""
    size = len(own)
    return any(said[at : at + size] == own for at in range(len(said) - size + 1))


def _is_number(own: tuple[str, ...]) -> bool:
    return any(letter.isdigit() for letter in "".join(own))


_SENTENCE_END = re.compile(r"(?<!\b[A-Za-z])[.!?](?:[*_)\"]{0,3}\s|\Z)|\u3002|\n")
_CLAUSE_END = re.compile(r"[.,;:!?\n]|\u3002|\b(?:so|but|therefore|thus|hence)\b", re.IGNORECASE)
_BE = r"(?:is|are|was|be|being|becomes)"
_QUALITY = (
    r"(?:correct|right|best|better|closest|nearest|likely|logical|suitable|appropriate|accurate"
    r"|fitting|plausible|reasonable|sensible|probable|possible|obvious|ideal|relevant|final)"
)
_INTRODUCED = re.compile(
    r"(?:\banswers?\b|\u7b54\u6848)(?P<between>[^.\n()\[\]:=]{0,60}?)"
    rf"(?:\b{_BE}\b|[:=\uff1a]|\u662f|\u4e3a)[*_:\s\"]{{0,9}}"
    rf"|\b(?P<most>{_QUALITY}\b[^.\n()\[\]:=]{{0,80}}?(?:\b{_BE}\b|:))[*_:\s\"]{{0,9}}"
    r"|\b(?P<so>therefore|thus|so|hence|consequently|finally|in conclusion|conclusion)\b[*,:]{0,3}\s+"
    r"|\b(?:choos(?:e|ing)|chose|select(?:ed|ing)?|pick(?:ed|ing)?|go(?:ing)? with|opt for|lean(?:ing)?"
    r" towards?|(?:leaves?|leaving)(?: us)?(?: with)?|settle (?:on|for)|narrow(?:ed)? it down to)\s+",
    re.IGNORECASE,
)
_JUDGED = re.compile(
    r"(?P<label>\([A-Z]\)|(?<![\w'\u2019(.-])[A-Z](?=\s(?:is|would|must|seems|appears)\b))"
    r"(?P<between>[^.\n()]{0,80}?)(?:\b(?:is|would be|must be|seems(?: to be)?|appears to be)\s|(?<=\)\s))"
    r"(?:(?:the|our|my|most|more|therefore|thus|hence|indeed|likely|probably|clearly|definitely|only)\s){0,4}"
    rf"(?:(?:(?:correct|right|best|answer)\b(?=\s(?:answer|option|choice|one|statement|because|since|as|here)"
    rf"|[.,;!)*]|\s*(?:\n|\Z)))|{_QUALITY}\s(?:answer|option|choice|one|conclusion|statement))"
)
_DOUBTED = re.compile(r"\b(?:not|cannot|if|whether|unless|neither|nor|wrong|incorrect)\b|n't\b", re.I)
_LISTED = re.compile(r"\b[A-Z]\s*\Z")
"""`Answer B: ...` opens a line of a list."""
_CLOSED = re.compile(r"[)\]\n]|[.,;:!?]\s")
_ITEM_LINES = re.compile(r"^\s*[(\[]?[A-Z][)\].:](?:\s|\Z)", re.MULTILINE)
_ITEM = re.compile(r"\s*[(\[]?[A-Z][)\].:](?:\s|\Z)")
_NEGATIVE = re.compile(
    r"\b(?:not|neither|nor|never|none|no|except|incorrect|wrong|if|whether|or|cannot)\b|n't\b", re.I
)
_COPULAS = [(word,) for word in "is are be was = equals \u2248 about approximately equal".split()]
