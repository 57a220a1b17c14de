r"""Finds the expressions that an answer may be in a text: boxes, `$...$`, plain numbers.

Every pattern runs in linear time: what it may run over has a bounded length.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from advdistill.verifier.latex import FUNCTIONS

_MATHS = re.compile(
    r"(?<!\\)\$\$(?P<display>(?:[^$\\]|\\.){1,600})\$\$"
    r"|\\\[(?P<bracket>(?:[^\\]|\\[^\[\]]){1,600})\\\]"
    r"|(?<!\\)\$(?P<inline>(?:[^$\\\n]|\\[^\n]){1,400})\$"
    r"|\\\((?P<paren>(?:[^\\\n]|\\[^()\n]){1,400})\\\)"
    r"|(?P<plain>-?\\[cdt]?frac\s?\{[^{}]{1,40}\}\s?\{[^{}]{1,40}\})",
    re.DOTALL,
)
_PERCENT = re.compile(r"\s{0,3}(?:\\?%|percent(?:age)?(?![a-z])|pct(?![a-z]))")
_NUMBER = re.compile(
    r"(?:(?<![A-Za-z\d_\\^.{)}])[-+]|(?<![A-Za-z\d_\\^.{+-])|(?<=boxed\{))"
    r"[$\u20ac\u00a3]?(?:[(]\s?){0,3}-?\.?\d"
    r"(?:[\d.,+\-*/^()\u00d7\u00f7\u00b7!% ]{0,200}[\d)!%])?"
    r"(?:\s?(?:percent(?:age)?|pct)(?![a-z]))?"
)
_SUM = re.compile(r"[A-Za-z\d)}]\s?[-+*/^]\s?\Z")
"""What makes a number the end of an expression, such as `x - ` before it."""
_CONNECTED = re.compile(r"[\s,;&$]{0,9}(?:\\?(?:text|mbox)?\{?\s?(?:and|or)\s?\}?)?[\s,;&$]{0,9}")
_WORDS = re.compile(
    r"(?<![\\A-Za-z{])(?:[A-Za-z]{3,}|to|is|of|in|or|at|by|we|so|if|an|as|it|no|on)(?=[\s?,.]|\Z)"
)
_WORDED = re.compile(r"\\(?:text|mbox|operatorname|math)[a-z]{0,9}\s?\{[^{}]{0,200}\}")
_BRACE = re.compile(
    r"(?P<box>\\(?:boxed|fbox)\s{0,3}\{)|\\[{}]|\\\\(?!boxed|fbox)|(?P<open>\{)|(?P<close>\})"
)
_TURN = re.compile(r"[.!?]\s|\b(?:wait|no|not|but|actually|instead|so|thus|then)\b", re.IGNORECASE)
_NEGATED = re.compile(r"\b(?:cannot|not|impossible)\b|n't\b", re.IGNORECASE)
_JOINT = re.compile(r"[,;&]|\b(?:and|or)\b")
_FUNCTIONS = FUNCTIONS | {"sqrt", "inf", "infty", "and"}


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of mathematics and where it stands."""

    latex: str
    start: int
    end: int
    maths: bool
    """True between `$` and the like, False for a plain number."""


def boxes(text: str) -> list[Span]:
    r"""Return what stands in each closed `\boxed{}`, in one pass with a stack of open braces."""
    found: list[Span] = []
    opened: list[re.Match[str]] = []
    for match in _BRACE.finditer(text):
        if match["box"] or match["open"]:
            opened.append(match)
        elif match["close"] and opened and (brace := opened.pop())["box"]:
            found.append(Span(text[brace.end() : match.start()], brace.start(), match.end(), True))
    return [span for span in found if span.latex.strip()]


def joined_boxes(text: str) -> str | None:
    r"""Return the last boxes that one sentence puts together; None where the last stands alone.

    `\boxed{1} and \boxed{2}` is one answer of two parts.
    """
    found = boxes(text)
    parts: list[Span] = found[-1:]
    for box in reversed(found[:-1]):
        between = text[box.end : parts[0].start]
        if len(between) > 70 or _TURN.search(between):
            break
        if len(between) > 9 and not _JOINT.search(between):
            break
        parts.insert(0, box)
    return " , ".join(part.latex for part in parts) if len(parts) > 1 else None


def leading_or_last(text: str) -> str | None:
    """Return the expression that a phrase begins with, else its last one; None for none."""
    spans = list(_spans(text))
    if not spans:
        return None
    first = spans[0]
    if not text[: first.start].strip(" \t\n*_:\"'`~") and (first.maths or len(spans) == 1):
        return first.latex
    return max(spans, key=lambda span: span.end).latex


def is_denial(text: str) -> bool:
    """Return whether a sentence says that something is not so: its expression is no answer."""
    return bool(_NEGATED.search(text))


def has_maths(text: str) -> bool:
    """Return whether mathematics is marked in a text by `$` and the like."""
    return any(span.maths for span in _spans(text))


def _spans(text: str) -> Iterator[Span]:
    """Yield the expressions of a text; `$1$ and $2$` is one."""
    pending: Span | None = None
    for span in _pieces(text):
        if pending and pending.maths and span.maths:
            between = text[pending.end : span.start]
            if _CONNECTED.fullmatch(between) and between.strip():
                pending = Span(f"{pending.latex} , {span.latex}", pending.start, span.end, True)
                continue
        if pending:
            yield pending
        pending = span
    if pending:
        yield pending


def _pieces(text: str) -> Iterator[Span]:
    place = begin = 0
    while match := _MATHS.search(text, begin):
        latex = next(group for group in match.groups() if group is not None)
        if _is_prose(latex):  # the second `$` may open what is mathematics
            begin = match.start() + 1
            continue
        yield from _numbers(text, place, match.start())
        percent = _PERCENT.match(text, match.end())
        place = begin = percent.end() if percent else match.end()
        marked = match["plain"] is None
        yield Span(latex + (r"\%" if percent else ""), match.start(), place, marked)
    yield from _numbers(text, place, len(text))


def _is_prose(latex: str) -> bool:
    """Return whether what stands between two `$` is the text between two prices."""
    plain = _WORDED.sub("", latex).strip()
    words = [word for word in _WORDS.findall(plain) if word.lower() not in _FUNCTIONS]
    return bool(words) and words != [plain]


def _numbers(text: str, start: int, end: int) -> Iterator[Span]:
    for match in _NUMBER.finditer(text, start, end):
        if _SUM.search(text[max(0, match.start() - 5) : match.start()]):
            continue
        yield Span(_balanced(match[0]), match.start(), match.end(), False)


def _balanced(expression: str) -> str:
    """Return an expression without the brackets that the sentence around it opens or closes."""
    while expression.count(")") > expression.count("(") and expression.endswith(")"):
        expression = expression[:-1]
    while expression.count("(") > expression.count(")") and "(" in expression:
        expression = expression.replace("(", "", 1)
    return expression
