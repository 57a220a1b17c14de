"""The options of a question, and which of them a short piece of text names.

Every pattern runs in linear time on a piece that its caller has bounded.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from advdistill.answers import LETTERS


@dataclass(frozen=True, slots=True)
class Named:
    """What a piece of text names: one letter, several, or none on purpose."""

    letters: tuple[str, ...]
    """Different letters in their order there; empty for `none of the above`."""
    how: str
    """`letter`, or `text` or `number` where the option's own words stand there."""


NOTHING = Named((), "none")
"""The text says that no option is right."""


class Options:
    """The options of one question, spelled in the ways that an answer may spell them."""

    def __init__(self, texts: tuple[str, ...] | None) -> None:
        """Spell out the texts, in the order of their letters; None where they are not known."""
        self.known = texts is not None
        self.letters = LETTERS if texts is None else LETTERS[: len(texts)]
        labelled = list(zip(self.letters, texts or (), strict=False))
        self._spellings = [(spell, _by_text(spell, labelled)) for spell in _SPELLINGS]
        self._numbers = [(letter, number(text)) for letter, text in labelled]
        self.words = {letter: words(text) for letter, text in labelled}
        self.longest = max((len(text) for text in texts or ()), default=0)

    def of_text(self, text: str) -> Named | None:
        """Return the option whose own text this is, or whose number; None for no single one."""
        for spell, letters in self._spellings:
            if (spelled := spell(text)) in letters:
                letter = letters[spelled]
                return Named((letter,), "text") if letter else None
        return self._of_number(text)

    def _of_number(self, text: str) -> Named | None:
        said = number(text)
        equal = [letter for letter, own in self._numbers if said and own and _same(said, own)]
        return Named((equal[0],), "number") if len(equal) == 1 else None

    def of_piece(self, piece: str, *, strict: bool = False) -> Named | None:
        """Return what a marked answer, or the words behind `the answer is`, name.

        With `strict` a letter counts only where nothing but its own text or a reason follows.
        """
        text = plain(piece)
        first = text.partition("\n")[0].strip()
        sentence = _SENTENCE.match(first)
        for part in dict.fromkeys((text.strip(), first, sentence[0] if sentence else first)):
            if whole := self._of_whole(part):
                return whole
        if found := self._labelled(first, strict=strict):
            return found
        reasoned = _REASON.split(first, maxsplit=1)[0]
        return self.of_text(reasoned) if reasoned != first else None

    def _of_whole(self, text: str) -> Named | None:
        """Return what a text that is only a letter or only an option names."""
        alone = text.strip(_BRACKETS)
        if len(alone) == 1 and alone.upper() in self.letters:
            return Named((alone.upper(),), "letter")
        return self.of_text(text) if self.known else None

    def _labelled(self, text: str, *, strict: bool) -> Named | None:
        """Return the letters that open a text, or the only ones in brackets there."""
        label = _LABEL.match(text)
        if label and _DENIED.match(text, label.end()):
            return None
        if label and (found := self._opening(text, label, strict=strict)):
            return found
        if strict:
            return None
        said = _REASON.split(text, maxsplit=1)[0]
        bracketed = tuple(dict.fromkeys(bracketed_letters(said)))
        if bracketed and not _NEGATION.search(said):
            return Named(bracketed, "letter")
        return NOTHING if _NONE.match(text) else None

    def _opening(self, text: str, label: re.Match[str], *, strict: bool) -> Named | None:
        """Return the letter of a label with those joined to it by `or`, `and` or a comma."""
        letter, rest = label["letter"].upper(), text[label.end() :]
        own = self.of_text(rest) if self.known else None
        if own and own.letters == (letter,) and (label["close"] or rest[:1] in " .:,-"):
            return Named((letter,), "letter")
        if not _follows(label, rest):
            return None
        letters = dict.fromkeys([letter, *_joined(rest)])
        if strict and len(letters) == 1 and not _ENDS.match(rest):
            return None
        return Named(tuple(letters), "letter")


@lru_cache(maxsize=4096)
def options_of(texts: tuple[str, ...] | None) -> Options:
    """Return the options with these texts; the answers to one question share them."""
    return Options(texts)


def bracketed_letters(text: str) -> list[str]:
    """Return the letters that stand in brackets, such as `(B)`, in their order."""
    return _BRACKETED.findall(text)


def plain(text: str) -> str:
    """Return the text without Markdown, LaTeX's wrappers and what cannot be seen."""
    if not text.isascii():
        text = text.translate(_SEEN)
    return _WRAPPERS.sub("", _SPACES.sub(" ", text)) if _WRAPPED.search(text) else text


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text as they are compared: no case, no brackets, no punctuation."""
    stripped = (word.strip(_BRACKETS) for word in plain(text).casefold().split())
    return tuple(word for word in stripped if word)


def number(text: str) -> tuple[Fraction, str] | None:
    """Return the value and the unit of a text that is one short number; None for others."""
    match = _NUMBER.fullmatch(plain(_FRACTION.sub(r"\1/\2", text[:100])).strip(" .,;:!"))
    if match is None:
        return None
    below = Fraction(match["below"] or 1)
    if below == 0:
        return None
    value = Fraction(match["value"].replace(",", "")) / below
    unit = "".join(match["unit"].casefold().split()).strip(".,;:!")
    return -value if match["sign"] == "-" else value, match["currency"] or unit


def _same(said: tuple[Fraction, str], own: tuple[Fraction, str]) -> bool:
    """Return whether two numbers are equal and no unit speaks against it."""
    return said[0] == own[0] and (said[1] == own[1] or not said[1] or not own[1])


def _by_text(
    spell: Callable[[str], str], labelled: list[tuple[str, str]]
) -> dict[str, str | None]:
    """Return the letter of each spelling; None where two options are spelled so."""
    letters: dict[str, str | None] = {}
    for letter, text in labelled:
        spelled = spell(text)
        letters[spelled] = None if spelled in letters else letter
    letters.pop("", None)
    return letters


def _spaced(text: str) -> str:
    return " ".join(plain(text).split()).rstrip(".,;: ").lstrip(",;: ")


def _bare(text: str) -> str:
    return _spaced(text).strip(_BRACKETS)


def _folded(text: str) -> str:
    return _bare(text).casefold()


_SPELLINGS = (_spaced, _bare, _folded)
"""From the strictest: two options may differ only in case (AA, Aa) or brackets ((0, 1), [0, 1])."""


def _follows(label: re.Match[str], rest: str) -> bool:
    """Return whether what follows a letter lets it be one: `B because`, but not `A person`."""
    if label["close"] and label["close"][0] in ")]":
        return not _GLUED.match(rest)
    if label["letter"].islower():
        return False
    return _AFTER.match(rest) is not None


def _joined(rest: str) -> Iterator[str]:
    """Yield the letters that a text joins to the one before it."""
    place = 0
    while match := _JOINED.match(rest, place):
        yield match["bracketed"] or match["bare"]
        place = match.end()
    said = _REASON.split(rest[place:], maxsplit=1)[0]
    yield from _ALTERNATIVE.findall(said)


_BRACKETS = "()[]<>{}\"'\u201c\u201d\u2018\u2019.,;:!?*_` \t\r\n"
_HIDDEN = [0, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060]
_SEEN = {
    **dict.fromkeys([*_HIDDEN, *range(0x2066, 0x206A), 0xFEFF]),
    **{0xFF21 + n: letter for n, letter in enumerate(LETTERS)},
    **{0x24B6 + n: f"({letter})" for n, letter in enumerate(LETTERS)},
    **dict(zip(map(ord, "\uff08\uff09\uff0e\uff1a\uff0c\u3001\u2212"), "().:,,-", strict=True)),
    **dict.fromkeys(map(ord, "\u00a0\u2009\u202f"), " "),
}
_WRAPPED = re.compile(r"[\\*_`${}~]")
_SPACES = re.compile(r"\\[,;: ]|~")
_WRAPPERS = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|tt)?|math(?:rm|bf|bb|it|sf|tt)|mbox|d?frac|boxed|fbox|bf|rm)(?![a-z])"
    r"|\\(?:left|right|displaystyle)(?![a-z])|\\[()\[\]!]|[*_`${}]"
)
_FRACTION = re.compile(r"\\[dt]?frac\s?\{(-?\d{1,30})\}\s?\{(\d{1,30})\}")
_NUMBER = re.compile(
    r"(?P<sign>[-+]?)\s?(?P<currency>\\?[$\u00a3\u20ac]?)"
    r"(?P<value>\d{1,3}(?:,\d{3}){1,9}(?:\.\d{1,30})?|\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})"
    r"(?:\s?/\s?(?P<below>\d{1,30}))?(?P<unit>[^\d=<>+*^]{0,20})"
)
_SENTENCE = re.compile(r"[^\n]*?(?<!\b[A-Za-z])(?:[.!?](?=\s|\Z)|\u3002)")
_PREFIX = (
    r"(?:(?:(?:the|both|either|my|correct|right|best|final|answers?|options?|choices?|letters?|is)"
    r"\b|[:(\[\"'#-])\s?){0,8}"
)
_LABEL = re.compile(
    rf"\s*(?i:{_PREFIX})(?P<letter>(?<![A-Za-z0-9])[A-Za-z])(?P<close>[)\]>\"'\u2019\u201d]{{0,2}})"
)
_GLUED = re.compile(r"-?\w|\(")
"""`(E)-2-butene` and `(s)he` are words."""
_WHY = (
    r"because|since|as|for|which|who|due|but|while|whereas|though|although|rather|instead|not"
    r"|given|so|if|when|where|based|from|hence|with"
)
_REASON = re.compile(rf"\s(?:{_WHY})\b|[;\u2014]|(?<=[a-z\d)\]])[.!?](?=\s|\Z)", re.IGNORECASE)
_LETTER_ENDS = r"(?=\s*(?:[.,;:!?)/&\]]|\Z|(?:or|and|is|are|because|since|as)\b))"
_JOINED = re.compile(
    r"\s*(?:[,/&+;]|\b(?:or|and|nor)\b|\bas well as\b)[\s,]*(?:(?:and|or|also|either|even)\b\s*)*"
    rf"(?i:{_PREFIX})(?:[(\[]?(?P<bracketed>(?<=[(\[])[A-Z])[)\]](?![\w-])"
    rf"|(?P<bare>(?<![A-Za-z0-9(\[])[A-Z])(?![\w'\u2019-]){_LETTER_ENDS})"
)
_ALTERNATIVE = re.compile(
    r"(?:\b(?:or|and)|[,;/&])\s*(?:(?:option|choice|also)s?\s)?[(\[]([A-Z])[)\]](?![\w-])"
)
_AFTER = re.compile(
    rf"\s*\Z|[.:;!?)\]\"'](?=\s|\Z)|\s+[-\u2013\u2014:=(]|,|\s*[/&+]|\s(?:{_WHY}|or|and|nor|as)\b"
)
_ENDS = re.compile(rf"\s*[.:;,!?]?\s*(?:\Z|(?:{_WHY})\b)|[.!?]\s")
_BRACKETED = re.compile(r"(?<![\w)\]])[(\[](?:(?:[Oo]ption|[Cc]hoice)\s)?([A-Z])[)\]](?![\w-])")
_DENIED = re.compile(
    r"\s*(?:(?:is|are|was|would be|seems)\s(?:also\s|clearly\s)?(?:not|incorrect|wrong|false|unlikely)\b"
    r"|(?:isn't|can't|cannot|would not|wouldn't)\b)",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"\b(?:not|neither|nor|never|none|except|incorrect|wrong)\b|n't\b", re.I)
_NONE = re.compile(r"\s*[(\"]?(?:none|neither)\b|\s*not (?:among|listed|given|in|one|any)\b", re.I)
