"""What a text without a marked answer states outright: `so B is right`, `therefore, (C)`.

Every pattern takes linear time; of very many statements only the last ones are read.
"""

import re
from dataclasses import dataclass
from itertools import islice

from advdistill.verifier.options import Named, Options

STATEMENT = "statement"
"""The tier of an explicit sentence such as `the answer is B`."""
DOUBTED = re.compile(
    r"\b(?:not|cannot|if|whether|unless|neither|nor|wrong|incorrect)\b|n't\b", re.IGNORECASE
)
"""Words of a clause that take back what it says, or leave it open."""
_MOST_STATEMENTS = 64
"""So many are read, from the last one back, until one of them names an option."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a text says its answer is."""

    named: Named
    tier: str
    """Which reading found it: a marker, `statement`, `alone`, `mention` or `ending`."""
    closed: bool
    """False where a text cut off at its end might have gone on with the answer."""


def last_statement(text: str, options: Options) -> Statement | None:
    """Return the last sentence of the sort `the answer is B` that can be read."""
    patterns = (_ANSWER, _JUDGED, _JUDGED_ALONE, _LETTER)
    matches = [match for pattern in patterns for match in pattern.finditer(text)]
    matches.sort(key=re.Match.end, reverse=True)
    statements = (match for match in matches if match.re is not _LETTER or _handed_over(match))
    for match in islice(statements, _MOST_STATEMENTS):
        clause = _clause(text[max(0, match.start() - 60) : match.start()])
        if not DOUBTED.search(clause) and (found := _stated(match, clause, options)):
            return found
    return None


def _stated(match: re.Match[str], clause: str, options: Options) -> Statement | None:
    """Return what one statement names; None where it denies it or cannot be read."""
    if match.re is _LETTER:
        return _handed(match, options)
    if DOUBTED.search(match["between"]):
        return None
    if match.re is _ANSWER:
        return _claimed(match, options)
    joined = _JOINED.search(clause)
    return None if joined else Statement(Named((match["letter"],), "letter"), STATEMENT, True)


def _claimed(answer: re.Match[str], options: Options) -> Statement | None:
    """Return what the words behind `the answer is` name."""
    claim = answer.string[answer.end() : answer.end() + options.reach]
    listed = "\n" in answer[0] and len(_ITEMS.findall(claim)) > 1
    if listed or _LABELLED.search(answer["between"]):
        return None
    named = options.of_piece(claim)
    return Statement(named, STATEMENT, bool(_CLOSED.search(claim.strip(" ")))) if named else None


def _handed(letter: re.Match[str], options: Options) -> Statement | None:
    """Return what the words from a letter on name."""
    text, start = letter.string, letter.start()
    start -= text[max(0, start - 1) : start] in ("(", "[")
    claim = text[start : start + options.reach]
    named = options.of_piece(claim, strict=not _qualified(letter))
    return Statement(named, STATEMENT, bool(_CLOSED.search(claim))) if named else None


def _handed_over(letter: re.Match[str]) -> bool:
    """Return whether the words before a letter hand it over: `best choice is`, `therefore`."""
    words = [*_words_before(letter)]
    last = words.pop() if words else ""
    decided = last.rstrip(",:") in _CONCLUSIONS or (*words[-1:], last) in _DECISIONS
    return decided or _qualified(letter)


def _qualified(letter: re.Match[str]) -> bool:
    """Return whether the clause before a letter is of the sort `the best choice is`."""
    text, start = letter.string, letter.start()
    before = text[max(0, start - 100) : start].rstrip(_OPENERS)
    if _QUALITIES.isdisjoint(before.lower().split()):
        return False
    clause = _clause(before).lower().split()
    if _QUALITIES.isdisjoint(clause):
        return False
    bracketed = text[max(0, start - 1) : start] == "("
    return (
        _words_before(letter)[-1:] in _COPULA
        or (bracketed and not _COPULAS.isdisjoint(clause))
        or ":" in text[max(0, start - 4) : start]
    )


def _words_before(letter: re.Match[str]) -> list[str]:
    """Return the last words before a letter without those that may name it: `option`, `the`."""
    text, start = letter.string, letter.start()
    words = text[max(0, start - 40) : start].rstrip(_OPENERS).lower().split()
    while words and words[-1] in _NOUNS:
        words.pop()
    return words


def _clause(text: str) -> str:
    """Return the last clause of a text."""
    return _CLAUSE_END.split(text)[-1]


_CLAUSE_END = re.compile(
    r"[.;:!?\n()]|,(?!\swhich\b)|\u3002|\b(?:[Ss]o|[Bb]ut|[Tt]herefore|[Tt]hus|[Hh]ence)\b"
)
# Patterns that begin with literal letters are many times as fast: `answer` without its first.
_ANSWER = re.compile(
    r"(?:nswer(?<=\b[Aa]nswer)s?\b|NSWER(?<=\bANSWER)\b|\u7b54\u6848)"
    r"(?P<between>(?:(?!nswer)[^.,\n()\[\]:=]){0,60}?)"
    r"(?:\b(?:is|are|was|be|being|becomes|IS)\b|[:=\uff1a\u662f\u4e3a])[*_:\s\"]{0,9}"
)
_QUALITY = (
    "correct|right|best|better|closest|nearest|likely|logical|suitable|appropriate|accurate"
    "|fitting|plausible|reasonable|sensible|probable|obvious|ideal|relevant|final"
)
_QUALITIES = frozenset(_QUALITY.split("|"))
_RIGHT = (
    r"(?:\b(?:is|would be|must be|seems(?: to be)?|appears to be)\s|(?<=\)\s))"
    r"(?:(?:the|our|my|most|more|therefore|thus|hence|indeed|likely|probably|clearly|definitely"
    r"|only)\s){0,4}(?:(?:correct|right|best|answer)\b"
    r"(?=\s(?:answer|option|choice|one|statement|because|since|as|here)|[.,;!)*]|\s*(?:\n|\Z))"
    rf"|(?:{_QUALITY})\s(?:answer|option|choice|one|conclusion|statement))"
)
_JUDGED = re.compile(rf"\((?P<letter>[A-Z])\)(?P<between>[^.\n()]{{0,80}}?){_RIGHT}")
"""A letter that is said to be right, with or without its text: `(B) people is the best answer`."""
_JUDGED_ALONE = re.compile(rf"(?P<letter>[A-Z])(?<![\w'\u2019(.-][A-Z])(?P<between>\s){_RIGHT}")
_LETTER = re.compile(r"[A-Z](?<![\w'\u2019.-][A-Z])(?![\w'\u2019-])")
_OPENERS = " \t\n*_:\"'([$\\"
_NOUNS = frozenset(("option", "choice", "answer", "letter", "statement", "the", "likely", "to"))
_CONCLUSION = (
    "therefore|thus|so|hence|consequently|finally|conclusion|choose|choosing|chose|select"
    "|selecting|selected|pick|picking|picked|leaves|leaving|it's"
)
_CONCLUSIONS = frozenset(_CONCLUSION.split("|"))
_DECISIONS = frozenset(
    (verb, word)
    for word, verbs in {
        "with": ("go", "going", "went", "us", "leaves", "leaving", "left"),
        "for": ("opt", "opting", "go", "going", "settle"),
        "towards": ("lean", "leaning"),
        "toward": ("lean", "leaning"),
        "on": ("settle", "settled"),
        "is": ("it",),
    }.items()
    for verb in verbs
)
_COPULAS = frozenset(("is", "are", "be", "was", "being", "="))
_COPULA = [[word] for word in _COPULAS]
_JOINED = re.compile(r"(?:\b(?:and|or)|&|/)\s*\Z")
_LABELLED = re.compile(r"\b[A-Z]\s*\Z|\A\s?(?:[Cc]hoices|[Oo]ptions)\b")
"""`Answer B: ...` opens a line of a list, `answer choices:` a whole one."""
_ITEMS = re.compile(r"^\s*[(\[]?[A-Z][)\].:](?:\s|\Z)", re.MULTILINE)
_CLOSED = re.compile(r"[)\]\n]|[.,;:!?]\s")
