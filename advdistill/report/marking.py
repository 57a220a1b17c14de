"""Text that Markdown and LaTeX show as it is."""

from __future__ import annotations

import re

from advdistill.report.readable import readable

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\N{MINUS SIGN}": "$-$",
    "\N{EN DASH}": "--",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    "η": r"$\eta$",
    "²": r"$^2$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "\n": " ",
    **{char: f"\\{char}" for char in "&%$#_{}"},
}


def markdown_text(text: str) -> str:
    """Return the text in one line, with nothing in it that Markdown or HTML would read."""
    return re.sub(r"([\\`*_\[\]<>|#&~])", r"\\\1", readable(text).replace("\n", " "))


def latex_text(text: str) -> str:
    """Return the text in one line, with nothing in it that LaTeX would read."""
    return "".join(_LATEX.get(char, char) for char in readable(text))
