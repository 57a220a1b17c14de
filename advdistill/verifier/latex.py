r"""Reads LaTeX into tokens that look the same however the same answer was typeset.

`\dfrac12`, `\frac{1}{2}` and `\left.\tfrac 1 2\right.` give the same tokens. One pass, with a stack
instead of recursion; nothing is evaluated.
"""

import re
import unicodedata

from advdistill.verifier.grouping import grouped

Tokens = tuple[str, ...]
MAX_CHARACTERS = 2_000
"""Longer answers are not read as mathematics."""

_CHARACTERS = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d", "-"),
    **dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u202d\u202e", ""),
    **dict.fromkeys(map(chr, (*range(9), *range(14, 32), 127)), ""),
    **dict.fromkeys("\u00a0\u2009\u202f\u3000", " "),
    **dict.fromkeys("\u00d7\u00b7\u22c5\u2219\u2715", r"\cdot "),
    **dict.fromkeys("\u00f7\u2044\u2215", "/"),
    **dict.fromkeys("\u2019\u2032", "'"),
    **{"\u03c0": r"\pi ", "\u03b8": r"\theta ", "\u221e": r"\infty ", "\u221a": r"\sqrt "},
    **{"\u2264": r"\le ", "\u2265": r"\ge ", "\u2260": r"\ne ", "\u2248": r"\approx "},
    **{"\u222a": r"\cup ", "\u2229": r"\cap ", "\u2208": r"\in ", "\u2205": r"\emptyset "},
    **{"\u00b1": r"\pm ", "\u00b0": r"^\circ "},
    **{"\u00bd": r"\frac{1}{2}", "\u00bc": r"\frac{1}{4}", "\u00be": r"\frac{3}{4}"},
    **{"\uff08": "(", "\uff09": ")", "\uff0c": ", ", "\u3002": ".", "\uff1a": ":", "\uff05": "%"},
}
"""Unicode spelled as LaTeX; what is invisible is dropped."""
_TRANSLATION = str.maketrans(_CHARACTERS)
_RAISED = str.maketrans(
    "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b", "0123456789-"
)
_LOWERED = str.maketrans({chr(0x2080 + digit): str(digit) for digit in range(10)})
_RAISED_RUN = re.compile(r"[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b]+")
_LOWERED_RUN = re.compile(r"[\u2080-\u2089]+")
_FOREIGN_DIGIT = re.compile(r"(?![0-9])\d")

_REWRITES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<=\d)\s?(?:\{\s?,\s?\}(?:\\!)?|,\\!|\\,)\s?(?=\d{3}(?!\d))", ""),
        (r"(?<![\d.,])(\d{1,3})((?: \d{3})+)(?![\d/]|\s?\\[cdt]?frac)", r"\1@\2"),
        (r"(?<![\d.])(\d{1,9})[ \t]{1,3}(\d{1,9})/(\d{1,9})(?![\d.])", r"\1\\frac{\2}{\3}"),
        (r"(?<![\d.A-Za-z])(\d{1,9}\.\d{1,30})[eE]([+-]?\d{1,3})(?![\d.])", r"\1\\cdot10^{\2}"),
        (r"\\(?:text|mbox|textrm|textbf|mathrm)\s?\{[,;\s]{0,3}(?:and|or)\s{0,3}\}", " , "),
        (r"(?<![A-Za-z\\])(?:and|or)(?![A-Za-z])", " , "),
        (r"\\(?:text|mathrm)\s?\{\s{0,3}\\?%\s{0,3}\}", "%"),
        (r"\\(?:text|mathrm)\s?\{\s{0,3}(?:percentage|percent|pct)\s{0,3}\}", "%"),
        (r"(?<=[\d}\s])(?:percentage|percent|pct)(?![A-Za-z])", "%"),
        (
            r"\^\s?(?:\{\s?\\(?:circ|degree)\s?\}|\\(?:circ|degree)(?![a-z]))"
            r"(?:\s?(?:[CF](?![A-Za-z])|\\(?:text|mathrm)\s?\{\s?[CF]\s?\}))?|\\degree(?![a-z])",
            " ",
        ),
    )
)
_SPACED = re.compile(r"@((?: \d{3})+)")

_STYLES = (
    r"text(?:bf|it|rm|normal|sf|tt|up)?|mbox|hbox|math(?:rm|bf|it|sf|tt|cal|bb)|boldsymbol|"
    r"operatorname\*?|bm|fbox|boxed|overline|phantom"
)
_TOKEN = re.compile(
    rf"\\(?:text(?:bf|it|rm|normal|sf|tt|up)?|mbox|hbox|mathrm)\s?\{{(?P<text>[^{{}}\\$]{{0,300}})\}}"
    r"|\\(?P<env>begin|end)\s?\{(?P<name>[A-Za-z]{1,20})\*?\}(?:\{[clr|\s]{0,40}\})?"
    rf"|(?P<style>\\(?:{_STYLES}))(?![A-Za-z])"
    r"|(?P<row>\\\\)"
    r"|(?P<dropped>\\(?:[!,;: ]|left(?![a-z])\.?|right(?![a-z])\.?|m?(?:left|right)(?![a-z])"
    r"|[Bb]igg?[lrm]?(?![a-z])|q?quad(?![a-z])|displaystyle(?![a-z])|limits(?![a-z])|\$)|\s|\$|~)"
    r"|(?P<command>\\(?:[A-Za-z]{1,30}|.))"
    r"|(?P<number>(?:[1-9]\d{0,2}(?:,\d{3})+(?!,?\d)|\d+)(?:\.\d+)?|\.\d+)"
    r"|(?P<letters>[A-Za-z]+)"
    r"|(?P<comma>,\s?)"
    r"|(?P<other>\*\*|<=|>=|!=|.)",
    re.DOTALL | re.ASCII,
)
_SAME = {
    **dict.fromkeys(("dfrac", "tfrac", "cfrac"), "frac"),
    **dict.fromkeys(("dbinom", "tbinom"), "binom"),
    **{"leq": "le", "leqslant": "le", "geq": "ge", "geqslant": "ge", "neq": "ne"},
    **{"lt": "<", "gt": ">", "varnothing": "emptyset", "times": "cdot", "div": "/", "ast": "cdot"},
    **{"lbrace": "{", "rbrace": "}", "lbrack": "[", "rbrack": "]", "vert": "|", "lvert": "|"},
    **{
        "rvert": "|",
        "mid": "|",
        "simeq": "approx",
        "colon": ":",
        "dots": "ldots",
        "cdots": "ldots",
    },
    **{"lparen": "(", "rparen": ")", "to": "rightarrow", "wedge": "land", "degree": "circ"},
}
_PLAIN = frozenset("<>/[]()|:")
_OTHERS = {"**": "^", "*": r"\cdot", "<=": r"\le", ">=": r"\ge", "!=": r"\ne", "\u2032": "'"}
_FUNCTIONS = """
sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc sinh cosh tanh coth log ln exp max
min gcd lcm det
"""
FUNCTIONS = frozenset(_FUNCTIONS.split())
_NAMES = {**{name: name for name in FUNCTIONS}, "sqrt": "sqrt", "pi": "pi", "infty": "infty"}
_NAMES |= {"inf": "infty", "infinity": "infty", "Infinity": "infty", "union": "cup"}
_UNITS = """
cm mm km dm kg mg ml mL ft yd mi lb lbs oz hr hrs min mins sec secs am pm mph kmh sq cu rpm deg rad
degree degrees cent cents dollar dollars euros inch inches foot feet yard yards mile miles meter
meters metre metres second seconds minute minutes hour hours day days week weeks month months year
years gram grams pounds liter liters unit units square cubic
"""
UNITS = frozenset(_UNITS.split())
_MATRICES = frozenset(("matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix", "array"))
_ALIGNED = frozenset(("align", "aligned", "gather", "gathered", "equation", "split"))


def tokens(latex: str) -> Tokens:
    r"""Return the tokens of an answer; those of `\frac12` and `{\dfrac{1}{2}}.` are the same.

    A word is one token, `\text{Evelyn}`, wherever it stands. A number may hold commas, `1,234`,
    which can also be a list: that is for the reader to say.

    Raises:
        ValueError: it is too long, or braces do not match.
    """
    if latex.isdecimal() and latex.isascii() and len(latex) < MAX_CHARACTERS:
        return (latex,)
    if len(latex) > MAX_CHARACTERS:
        raise ValueError(f"longer than {MAX_CHARACTERS} characters")
    return grouped(_scan(_rewritten(latex)))


def spelled(given: Tokens) -> str:
    """Return the tokens as LaTeX that says the same."""
    parts: list[str] = []
    for token, after in zip(given, [*given[1:], ""], strict=False):
        parts.append("," if token == ", " else token)
        command = token[0] == "\\" and token[-1].isalpha() and after[:1].isalpha()
        if command or (token[0].isdecimal() and after[:1].isdecimal()):
            parts.append(" ")
    return "".join(parts)


def is_word(token: str) -> bool:
    """Return whether a token is a word, such as a name or a unit."""
    return token.startswith(r"\text{")


def _rewritten(latex: str) -> str:
    """Return the text without what hides a number, a list or a percent sign."""
    text = latex if latex.isascii() and latex.isprintable() else _ascii(latex)
    if r"\\begin" in text or r"\begin" not in text:  # escaped twice, as in JSON inside JSON
        text = re.sub(r"\\\\(?=[A-Za-z])", r"\\", text)
        text = text.replace(r"\\\\", r"\\") if r"\begin" in text else text
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    return _SPACED.sub(lambda match: match[1].replace(" ", ""), text)


def _ascii(latex: str) -> str:
    """Return the text with LaTeX in place of signs and digits; what is invisible is dropped."""
    latex = _RAISED_RUN.sub(lambda found: f"^{{{found[0].translate(_RAISED)}}}", latex)
    latex = _LOWERED_RUN.sub(lambda found: f"_{{{found[0].translate(_LOWERED)}}}", latex)
    latex = _FOREIGN_DIGIT.sub(lambda found: str(unicodedata.decimal(found[0])), latex)
    return latex.translate(_TRANSLATION)


def _scan(text: str) -> list[str]:
    """Return the tokens one by one, as they stand."""
    found: list[str] = []
    for match in _TOKEN.finditer(text):
        kind, content = match.lastgroup, match[0]
        if match["text"] is not None:
            found.extend(_words(match["text"]))
        elif match["env"]:
            found.append(_environment(match["env"], match["name"]))
        elif kind == "letters":
            found.extend(_letters(content, text[match.start() - 1 : match.start()]))
        elif kind == "command":
            name = _SAME.get(content[1:], content[1:])
            found.append(name if name in _PLAIN else "\\" + name)
        elif kind == "number":
            found.append("0" + content if content[0] == "." else content)
        elif kind == "comma":
            found.append(", " if len(content) > 1 else ",")
        elif kind == "row":
            found.append(r"\\")
        elif kind == "other":
            found.append(_OTHERS.get(content, content))
    return [token for token in found if token]


def _words(text: str) -> list[str]:
    r"""Return the tokens of `\text{...}`: its words whole, the rest as outside."""
    pieces = re.findall(r"[A-Za-z][A-Za-z.'-]*|\d+(?:,\d{3})*(?:\.\d+)?|[^\sA-Za-z\d]", text)
    return [_word(piece.replace(".", "")) if piece[0].isalpha() else piece for piece in pieces]


def _word(letters: str) -> str:
    """Return the token of a word; a single letter is a variable."""
    return letters if len(letters) == 1 else rf"\text{{{letters}}}"


def _letters(run: str, before: str) -> list[str]:
    """Return a function's name, a word or, as variables are, the letters one by one."""
    if run in _NAMES:
        return ["\\" + _NAMES[run]]
    if run in UNITS or (len(run) > 3 and not before.isdecimal()):
        return [_word(run)]
    return list(run)


def _environment(edge: str, name: str) -> str:
    """Return the edge of a matrix or of cases; nothing for an aligned equation."""
    if name in _ALIGNED:
        return ""
    return rf"\{edge}{{{'matrix' if name in _MATRICES else name}}}"
