"""How an option may be spelled: what two texts share that mean the same option.

Every pattern takes time linear in the text.
"""

import re
from fractions import Fraction

from advdistill.answers import LETTERS


def plain(text: str) -> str:
    """Return the text without Markdown, LaTeX's wrappers and what cannot be seen."""
    if not text.isascii() and _UNUSUAL.search(text):
        text = text.translate(_SEEN)
    if "\\" in text:
        text = _FRACTION.sub(r"\1/\2", text)
        text = _WRAPPERS.sub("", _NARROW_SPACES.sub(" ", text))
    text = _MARKDOWN.sub("", text)
    return _SPACES.sub(" ", text) if "  " in text else text


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text as they are compared: no case, no brackets, no punctuation."""
    stripped = (unwrapped(word) for word in plain(text).casefold().split())
    return tuple(word for word in stripped if word)


def number(text: str) -> tuple[Fraction, str] | None:
    """Return the value and the unit of a text that is one short number; None for others."""
    match = _NUMBER.fullmatch(text) if len(text) < 100 else None
    if match is None or not int(match["below"] or 1):
        return None
    value = Fraction(match["value"].replace(",", "")) / int(match["below"] or 1)
    unit = "".join(match["unit"].casefold().split()).strip(".,;:!")
    return -value if match["sign"] == "-" else value, match["currency"] or unit


def same(said: tuple[Fraction, str], own: tuple[Fraction, str]) -> bool:
    """Return whether two numbers are equal and no unit, nor a variable as in 2x, parts them."""
    units = {said[1], own[1]}
    apart = len(units) > 1 and (
        "" not in units or any(unit.isalpha() for unit in units if len(unit) == 1)
    )
    return said[0] == own[0] and not apart


def spellings_of(text: str) -> tuple[str, str, str]:
    """Return the text spaced evenly, without outer brackets and quotes, and in lower case.

    Two options may differ only in brackets, (0, 1) and [0, 1], or only in case, AA and Aa.
    """
    spaced = " ".join(plain(text).split()).strip(",;: ").rstrip(".,;: ")
    bare = unwrapped(spaced)
    return spaced, bare, bare.casefold()


def unwrapped(text: str) -> str:
    """Return the text without outer brackets, quotes and stops; the point of .5 is none."""
    return text.rstrip(BRACKETS).lstrip(_OPENING)


BRACKETS = "()[]<>{}\"'\u201c\u201d\u2018\u2019.,;:!?*_` \t\r\n"
_OPENING = BRACKETS.replace(".", "")
_HIDDEN = [0, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF]
_SEEN = {
    **dict.fromkeys(_HIDDEN),
    **{0xFF21 + place: letter for place, letter in enumerate(LETTERS)},
    **{0x24B6 + place: f"({letter})" for place, letter in enumerate(LETTERS)},
    **dict(zip(map(ord, "\uff08\uff09\uff0e\uff1a\uff0c\u3001\u2212"), "().:,,-", strict=True)),
    **dict.fromkeys(map(ord, "\u00a0\u2009\u202f"), " "),
}
"""Full-width and circled letters are letters; circled digits name no option."""
_UNUSUAL = re.compile(f"[{''.join(map(chr, _SEEN))}]")
_SPACES = re.compile(r"  +")
_NARROW_SPACES = re.compile(r"\\[,;: ]")
_WRAPPERS = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|tt)?|math(?:rm|bf|bb|it|sf|tt)|mbox|boxed|fbox|bf|rm|left|right"
    r"|displaystyle)(?![a-z])|\\[()\[\]!]|\\(?=[%$&#])"
)
_MARKDOWN = re.compile(r"\*\*|__|(?<![\w)])[*_]|[*_](?![\w(])|[`${}\x00]")
"""A star or a low line inside a word or a product belongs to it: 3*4 is not 34."""
_FRACTION = re.compile(r"\\[dt]?frac\s?\{(-?\d{1,30})\}\s?\{(\d{1,30})\}")
_NUMBER = re.compile(
    r"(?P<sign>[-+]?)\s?(?P<currency>\\?[\u00a3\u20ac]?)"
    r"(?P<value>\d{1,3}(?:,\d{3}){1,9}(?:\.\d{1,30})?|\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})"
    r"(?:\s?/\s?(?P<below>\d{1,30}))?"
    r"(?P<unit>(?:\s?[A-Za-z%\u00b0\u00b5\u03bc\u03a9][^\d=<>+*^\\()\[\]|]{0,19})?)"
)
