r"""Where a text marks its answer: the last complete candidate of every kind of marker.

Model output is hostile input: a search runs from the end of the text, takes time linear in it
whatever it holds, and recurses into nothing.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_MAX_CANDIDATES = 200
"""A text with more failed markers of one kind than this is junk."""


class Mark(NamedTuple):
    """A marked answer and where it stands."""

    answer: str
    tier: str
    """Which marker holds it: a style's name, `line`, `phrase` or `output`."""
    start: int
    """Where the answer itself begins."""
    end: int
    """Where its marker ends."""
    enclosed: bool
    """True where the marker has an end of its own, such as a brace."""


def last_mark(text: str, style: str) -> Mark | None:
    """Return the last answer in the style's own marker, else the last in any; None for none."""
    if own := _of_letter(text) if style == "letter" else _FINDERS[style](text, 0):
        return own
    last, first = None, 0
    for find in _FINDERS.values():
        if mark := find(text, first):
            # What stands inside an enclosed mark is part of that mark's answer.
            last, first = mark, mark.end if mark.enclosed else mark.start
    return last


def _of_letter(text: str) -> Mark | None:
    """Return what the letter style calls its own: `Answer: B` or, later, `the answer is (B)`."""
    line = _letter(text)
    return _phrase(text, line.start if line else 0) or line


def _backwards(text: str, needle: str, first: int) -> Iterator[int]:
    """Yield where the needle stands, from its last place back to `first`."""
    start = text.rfind(needle, first)
    for _ in range(_MAX_CANDIDATES):
        if start < 0:
            return
        yield start
        start = text.rfind(needle, first, start)


_HEADING = (
    r"[*_]{0,3}(?:(?:step|part|case)\s\d"
    r"|(?:final\s)?(?:answer|solution|explanation|conclusion|summary)[:*_]{0,4}[ \t]{0,9}\n"
    r"|\d{1,2}[.)]\s(?-i:[A-Z])[^\n]{0,99}[^\s.!?][ \t]{0,9}\n\s{0,9}\S"
    r"|(?-i:[A-Z][A-Za-z']*(?: (?:[a-z]{1,3}|[A-Z][A-Za-z']*)){1,9}:?[ \t]{0,9}\n\s{0,9}\S))"
)
"""`#### Step 2` and, with text below, `#### Total Eggs Sold` and `#### 1. Eggs` are headings."""
_HASH = re.compile(rf"####[ \t]*(?!{_HEADING})(?P<answer>[^\s#](?:(?!####)[^\n])*)", re.IGNORECASE)


def _hash(text: str, first: int) -> Mark | None:
    for start in _backwards(text, "####", first):
        if match := _HASH.match(text, start):
            return _mark(match, "hash")
    return None


_BRACE = re.compile(
    r"(?P<box>\\(?:boxed|fbox)\s{0,3}\{)|\\[{}]|\\\\(?!boxed|fbox)|(?P<open>\{)|(?P<close>\})"
)


def _boxed(text: str, first: int) -> Mark | None:
    """Return the box that opens last of those that are closed and hold something."""
    start = max(text.rfind("\\boxed", first), text.rfind("\\fbox", first))
    if start < 0:
        return None
    closed = next(_boxes(text, start), None)
    return closed or max(_boxes(text, first), key=lambda mark: mark.start, default=None)


def _boxes(text: str, start: int) -> Iterator[Mark]:
    """Yield the boxes of a text as they close, in one pass with a stack of open braces."""
    opened: list[re.Match[str]] = []
    for match in _BRACE.finditer(text, start):
        if match["box"] or match["open"]:
            opened.append(match)
        elif match["close"] and opened:
            brace = opened.pop()
            answer = text[brace.end() : match.start()].strip() if brace["box"] else ""
            if answer:
                yield Mark(answer, "boxed", brace.end(), match.end(), True)


def _tags(text: str, first: int) -> Mark | None:
    """Return the last closed tag that holds something, other tags and `<` included."""
    last = text.rfind("</answer>", first)
    for tag in _backwards(text[: last + 1], "<answer>", first):
        start = tag + len("<answer>")
        end = text.find("</answer>", start)
        answer = text[start:end].strip()
        if answer and "<answer>" not in answer:
            return Mark(answer, "tags", start, end + len("</answer>"), True)
    return None


_JSON = re.compile(
    r'"answer"\s{0,9}:\s{0,9}(?:"(?P<string>(?:[^"\\]|\\.)*+)"'
    r"|(?P<bare>(?!null\b)[^\s\",{}\[\]]{1,500}(?:,\d{3}(?!\d))*+)\s{0,9}[,}])",
    re.DOTALL,
)


def _json(text: str, first: int) -> Mark | None:
    """Return the last text or number under the key `answer`; models' objects are seldom valid."""
    for start in _backwards(text, '"answer"', first):
        match = _JSON.match(text, start)
        if match and (answer := (match["bare"] or _unescaped(match["string"])).strip()):
            return Mark(answer, "json", match.start(match.lastgroup or 0), match.end(), True)
    return None


_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_CONTROL = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_COMMAND = re.compile(
    r"\\(?:b(?:ar|eta|ig|inom|oxed|mod)|f(?:rac|orall|box)|n(?:abla|eq?|u)|r(?:angle|ight|ho)"
    r"|t(?:an|au|ext|extbf|frac|heta|ilde|imes|riangle))(?![A-Za-z])"
)
"""LaTeX whose backslash was not doubled: JSON would read a tab and `imes` in `\times`."""


def _unescaped(string: str) -> str:
    """Return what stands in the quotes of JSON; a backslash that escapes nothing is itself."""
    if "\\" not in string:
        return string
    units = _ESCAPE.sub(_character, string)
    return units.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(match: re.Match[str]) -> str:
    code, letter = match.groups()
    if code:
        return chr(int(code, 16))
    if letter in '"\\/':
        return letter
    if letter in _CONTROL and not _COMMAND.match(match.string, match.start()):
        return _CONTROL[letter]
    return match[0]


_LETTER = re.compile(
    r"^(?P<before>[ \t>*_-]{0,9})(?:(?:the|final|correct|best)[ ]){0,3}answer[*_]{0,3}"
    r"[ \t]{0,3}[:=][*_]{0,3}\s{0,3}(?P<answer>[^\s][^\n]*)",
    re.IGNORECASE | re.MULTILINE,
)


def _letter(text: str) -> Mark | None:
    """Return the rest of the last line `Answer: B`."""
    matches = list(_LETTER.finditer(text))
    return _mark(matches[-1], "letter") if matches else None


# To the end of the sentence: a full stop inside a number has no space behind it.
_PHRASE = re.compile(
    r"(?<![A-Za-z])answer[*_]{0,3}\s{0,3}(?:is|was|would be|will be|[:=])[*_:]{0,4}\s{0,3}"
    r"(?P<answer>(?!\.\s)\S(?:(?!\banswer\s(?:is|was)\b)[^\n])*?)"
    r"(?=[.!?][*_]{0,3}(?:\s|\Z)|。|\n|\Z)",
    re.IGNORECASE,
)


def _phrase(text: str, first: int) -> Mark | None:
    starts = [
        start for word in ("answer", "Answer", "ANSWER") for start in _backwards(text, word, first)
    ]
    for start in sorted(starts, reverse=True):
        if match := _PHRASE.match(text, start):
            return _mark(match, "phrase")
    return None


# OpenAI's GSM8K samples end in a line such as `A: 26`.
_LINE = re.compile(r"^A:[ \t]*(?P<answer>[^\s][^\n]*)", re.MULTILINE)


def _line(text: str, first: int) -> Mark | None:
    for start in _backwards(text, "A:", first):
        if match := _LINE.match(text, start):
            return _mark(match, "line")
    return None


_OUTPUT = re.compile(r"```output\n(?P<answer>[^`]*[^`\s])\s*```")


def _output(text: str, first: int) -> Mark | None:
    """Return what the last program that the response ran has printed."""
    for start in _backwards(text, "```output", first):
        if match := _OUTPUT.match(text, start):
            return _mark(match, "output", enclosed=True)
    return None


def _mark(match: re.Match[str], tier: str, *, enclosed: bool = False) -> Mark:
    return Mark(match["answer"].strip(), tier, match.start("answer"), match.end(), enclosed)


_FINDERS: dict[str, Callable[[str, int], Mark | None]] = {
    "boxed": _boxed,
    "tags": _tags,
    "json": _json,
    "output": _output,
    "hash": _hash,
    "line": _line,
    "phrase": _phrase,
}
"""Each returns its last mark that begins at the place given or later; the enclosed ones first."""
