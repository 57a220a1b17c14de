"""The options of a question, and which of them a short piece of text names.

Every pattern takes time linear in the piece, which its caller has bounded.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from advdistill.answers import LETTERS
from advdistill.verifier.spelling import BRACKETS, number, plain, same, spellings_of, words


@dataclass(frozen=True, slots=True)
class Named:
    """What a piece of text names: one letter, several, or none on purpose."""

    letters: tuple[str, ...]
    """Different letters in their order there; empty for `none of the above`."""
    how: str
    """`letter`, or `text` or `number` where the option's own words stand there."""


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """The options of one question, spelled in the ways that an answer may spell them."""

    letters: str
    spellings: tuple[Mapping[str, str | None], ...]
    """The letter of each text, spelled ever more loosely; None where two options share one."""
    numbers: tuple[tuple[str, tuple[Fraction, str]], ...]
    """The letters of the options that are numbers, with value and unit."""
    words: Mapping[str, tuple[str, ...]]
    """The words of each option's text; empty where the texts are not known."""
    reach: int
    """So many characters of a marked answer or a statement are read."""

    def of_text(self, text: str) -> Named | None:
        """Return the option whose own text this is, or whose number; None for no single one."""
        if len(text) > self.reach - 300:
            return None
        spellings = spellings_of(text)
        for spelled, letters in zip(spellings, self.spellings, strict=True):
            if spelled in letters:
                letter = letters[spelled]
                return Named((letter,), "text") if letter else None
        said = number(spellings[0]) if self.numbers else None
        equal = [letter for letter, own in self.numbers if said and same(said, own)]
        return Named((equal[0],), "number") if len(equal) == 1 else None

    def of_piece(self, piece: str, *, strict: bool = False) -> Named | None:
        """Return what a marked answer, or the words behind `the answer is`, name.

        With `strict`, a letter counts only where nothing but its own text or a reason follows.
        """
        text = plain(piece[: self.reach])
        line = text.strip().partition("\n")[0].strip()
        sentence = _SENTENCE.match(line)
        for part in dict.fromkeys((text.strip(), line, sentence[0] if sentence else line)):
            if whole := self._of_whole(part):
                return whole
        said = _claim(line)
        return self._labelled(line, said, strict=strict) or self.of_text(said)

    def _of_whole(self, text: str) -> Named | None:
        """Return what a text that is only a letter or only an option names.

        An option's own text that is one small letter, such as a variable, comes before the letter.
        """
        alone = text.strip(BRACKETS)
        if len(alone) != 1 or not alone.isascii() or alone.upper() not in self.letters:
            return self.of_text(text)
        own = self.spellings[0].get(alone) if alone.islower() else None
        return Named((own,), "text") if own else Named((alone.upper(),), "letter")

    def _labelled(self, line: str, said: str, *, strict: bool) -> Named | None:
        """Return the letters that open a line, or those in brackets in its first clause."""
        label = _LABEL.match(line)
        if label and self._own(label, line[label.end() :]):
            return Named((label["letter"].upper(),), "letter")
        if label and _DENIED.match(line, label.end()):
            return None
        if label and (found := self._opening(line, label, strict=strict)):
            return found
        if strict:
            return None
        bracketed = tuple(dict.fromkeys(bracketed_letters(said)))
        if bracketed and not _NEGATION.search(said):
            return Named(bracketed, "letter")
        return Named((), "none") if _NONE.match(line) else None

    def _own(self, label: re.Match[str], rest: str) -> bool:
        """Return whether the text behind a letter is that of its own option."""
        text = rest.removeprefix(".").removeprefix(":").removeprefix(",")
        own = self.of_text(text) or self.of_text(_claim(text))
        parted = label["close"] or text[:1] == " "
        return bool(parted and own and own.letters == (label["letter"].upper(),))

    def _opening(self, line: str, label: re.Match[str], *, strict: bool) -> Named | None:
        """Return the letter of a label with those joined to it by `or`, `and` or a comma."""
        letter, rest = label["letter"].upper(), line[label.end() :]
        if not _follows(label, rest):
            return None
        others, end = _joined(rest)
        letters = tuple(dict.fromkeys([letter, *others]))
        if len(letters) > 1 and _ALL_DENIED.search(rest.partition(".")[0]):
            return None
        ends = _ENDS.match(rest, end) or (label["close"] and rest[:2] == ". ")
        return Named(letters, "letter") if ends or not strict else None


@lru_cache(maxsize=4096)
def options_of(texts: tuple[str, ...] | None) -> Options:
    """Return the options with these texts in the order of their letters; None: not known."""
    letters = LETTERS if texts is None else LETTERS[: len(texts)]
    labelled = list(zip(letters, texts or (), strict=False))
    numbers = [(letter, number(spellings_of(text)[0])) for letter, text in labelled]
    spelled = [[(letter, spelling) for spelling in spellings_of(text)] for letter, text in labelled]
    return Options(
        letters=letters,
        spellings=tuple(map(_by_spelling, zip(*spelled, strict=True))) or ({}, {}, {}),
        numbers=tuple((letter, value) for letter, value in numbers if value),
        words={letter: words(text) for letter, text in labelled},
        reach=400 + 2 * max((len(text) for _, text in labelled), default=0),
    )


def bracketed_letters(text: str) -> list[str]:
    """Return the letters that stand in brackets, such as `(B)`, in their order."""
    return _BRACKETED.findall(text)


def _by_spelling(labelled: Iterable[tuple[str, str]]) -> dict[str, str | None]:
    """Return the letter of each spelling; None where two options are spelled so."""
    letters: dict[str, str | None] = {}
    for letter, spelled in labelled:
        letters[spelled] = None if spelled in letters else letter
    letters.pop("", None)
    return letters


def _follows(label: re.Match[str], rest: str) -> bool:
    """Return whether what follows a letter lets it be one: `B because`, but not `A person`."""
    if label["close"] and label["close"][0] in ")]":
        return not _GLUED.match(rest)
    if label["letter"] == "I" and _PRONOUN.match(rest):
        return False
    if label["letter"].islower():
        return bool(label["name"].strip("(['\"")) and _ENDED.match(rest) is not None
    return _AFTER.match(rest) is not None


def _claim(text: str) -> str:
    """Return the beginning of a text, up to the reason it gives or the end of its sentence."""
    reason = _REASON.search(text)
    return text[: reason.start()] if reason else text


def _joined(rest: str) -> tuple[list[str], int]:
    """Return the letters that a text joins to the one before it, and where it goes on."""
    letters: list[str] = []
    end = 0
    while match := _JOINED.match(rest, end):
        letters.append(match["bracketed"] or match["bare"])
        end = match.end()
    if alternatives := _ALTERNATIVE.findall(_claim(rest[end:])):
        return letters + alternatives, len(rest)
    return letters, end


_SENTENCE = re.compile(r"[^\n]*?(?<!\b[A-Za-z])(?:[.!?](?=\s|\Z)|\u3002)")
_PREFIX = (
    r"(?:(?:(?:the|both|either|my|correct|right|best|final|answers?|options?|choices?|letters?|is)"
    r"\b|[:(\[\"'#-])\s?){0,8}"
)
_LABEL = re.compile(
    rf"\s*(?P<name>(?i:{_PREFIX}))(?<![A-Za-z0-9])(?P<letter>[A-Za-z])(?P<close>[)\]>\"'\u2019\u201d]{{0,2}})"
)
_GLUED = re.compile(r"-?\w|\(")
"""`(E)-2-butene` and `(s)he` are words."""
_WHY = (
    r"because|since|as|for|which|who|due|but|while|whereas|though|although|rather|instead|not"
    r"|given|so|if|when|where|based|from|hence|with"
)
_REASON = re.compile(rf"\s(?:{_WHY})\b|[;\u2014]|(?<=[a-z\d)\]])[.!?](?=\s|\Z)", re.IGNORECASE)
_JOINED = re.compile(
    r"\s*(?:[,/&+;]|\b(?:or|and|nor)\b|\bas well as\b)[\s,]*(?:(?:and|or|also|either|even)\b\s*)*"
    rf"(?i:{_PREFIX})(?:(?<=[(\[])(?P<bracketed>[A-Z])[)\]](?![\w-])"
    r"|(?<![A-Za-z0-9(\[])(?P<bare>[A-Z])(?![\w'\u2019-])"
    r"(?=\s*(?:[.,;:!?)/&\]\"'\u201d]|\Z|(?:or|and|is|are|because|since|as)\b)))"
)
_ALTERNATIVE = re.compile(
    r"(?:\b(?:or|and)|[,;/&])\s*(?:(?:option|choice|also)s?\s)?[(\[]([A-Z])[)\]](?![\w-])"
)
_AFTER = re.compile(
    rf"\s*\Z|[.:;!?)\]\"'](?=\s|\Z)|\s+[^\w\s=<>*^|~%$\\]|,|\s*[/&+]|\s(?:{_WHY}|or|and|nor)\b"
)
_PRONOUN = re.compile(r"\s*,|\s(?!because\b|since\b|[-\u2013\u2014:(])")
_ENDED = re.compile(r"[\s.:;,!?]*\Z")
_ENDS = re.compile(rf"\s*[.:;,!?]?\s*(?:\Z|(?:{_WHY})\b)")
_BRACKETED = re.compile(r"(?<![\w)\]])[(\[](?:(?:[Oo]ption|[Cc]hoice)\s)?([A-Z])[)\]](?![\w-])")
_DENIED = re.compile(
    r"\s*(?:(?:is|are|was|would be|seems)\s(?:also\s|clearly\s)?"
    r"(?:not|incorrect|wrong|false|unlikely)\b|(?:isn't|can't|cannot|would not|wouldn't)\b)",
    re.IGNORECASE,
)
_ALL_DENIED = re.compile(r"\b(?:is|are|was|were)\s(?:also\s)?(?:not|incorrect|wrong)\b|\baren't\b")
_NEGATION = re.compile(r"\b(?:not|neither|nor|never|none|except|incorrect|wrong)\b|n't\b", re.I)
_NONE = re.compile(r"\s*[(\"]?(?:none|neither)\b|\s*not (?:among|listed|given|in|one|any)\b", re.I)
