"""Takes away what hides a number: LaTeX, Markdown, odd dashes and spaces, calculator notes."""

import re
from unicodedata import normalize

THIN = "\u2009"
"""Stands for every narrow or fixed space, which may part thousands."""


def plain(text: str) -> str:
    r"""Return the text in plain signs: `\$1{,}000` is `$1,000`, `2\frac12` and `2½` are `2 1/2`."""
    if not _ODD.search(text):
        return text
    text = _NOTE.sub("", text).translate(_SIGNS)
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    return text


_ODD = re.compile(r"[^ -~\t\n]|[<\\{}~^`_*]")
"""No rule below changes a text without one of these."""
_NOTE = re.compile(r"<<[^<>\n]{0,200}>>")
"""GSM8K's calculator notes: <<9*2=18>>18."""


def _signs() -> dict[int, str]:
    """Return what single characters mean."""
    invisible = "\0\u200b\u200c\u200d\u200e\u200f\u2060\ufeff" + "".join(
        map(chr, [*range(0x202A, 0x202F), *range(0x2061, 0x206A)])
    )
    parts = "\u00bc\u00bd\u00be" + "".join(map(chr, range(0x2150, 0x215F)))
    return {
        **dict.fromkeys(map(ord, invisible), ""),
        **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"), "-"),
        **dict.fromkeys(map(ord, "~\u00a0\u2007\u202f"), THIN),
        **dict.fromkeys([*map(ord, "\u00a2\u00a3\u00a5"), *range(0x20A0, 0x20D0)], "$"),
        **{ord(part): " " + normalize("NFKC", part).replace("\u2044", "/") for part in parts},
        **{0x2044: "/", 0xD7: "*", 0x2248: "=", 0x2028: "\n", 0xB0: " ", 0x2019: "'"},
    }


def _fraction(match: re.Match[str]) -> str:
    over, under = match[1] or match[2], match[3] or match[4]
    return f"{over}/{under}"


_SIGNS = _signs()
_PART = r"(?:\{\s?(-?[\d.,]{1,400})\s?\}|\s?(\d))"
_REWRITES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"</?[A-Za-z]{1,9}>", ""),
        (r"\{,\}", ","),
        (r"\\!\s?", ""),
        (r"\\[,;: ]", THIN),
        (r"(?<=\d)\s{0,3}(?=\\[cdt]?frac)", " "),  # 2\frac{1}{2} is a mixed number
        (rf"\\[cdt]?frac\s?{_PART}\s?{_PART}(?!\.?\d)", _fraction),
        (r"\\times|\\cdot", "*"),
        (r"\\approx", "="),
        (r"(?<=\d)\s?[*x]\s?10\s?\^\s?\{?\s?([+-]?\d{1,9})\}?", r"e\1"),
        (r"(?<![\w.,^*/])10\s?\^\s?\{?\s?([+-]?\d{1,9})\}?(?!\d)", r"1e\1"),
        (r"\^\s?\{?\s?\\circ\s?\}?", " "),
        # The power of a unit: cm^2, \text{cm}^{2}.
        (r"(?:(?<=[A-Za-z])|(?<=[A-Za-z]\}))\s?(?:\^\s?(?:\{-?\d{1,3}\}|-?\d)|[²³])", ""),
        (r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|boxed|fbox|left|right|q?quad)(?![a-z])", ""),
        (r"(?<=\d)_(?=\d{3}(?!\d))", ""),
        (r"\\(?=[$%#])|\\[()\[\]]|[{`]|(?<!\d)\*\*|\*\*(?!\d)|(?<!\d)_|_(?![\d{])", ""),
        (r"\}", " "),
    )
)
