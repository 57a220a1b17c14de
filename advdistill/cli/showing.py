"""Text of others made fit for terminals and Markdown: short, and without control characters."""

from __future__ import annotations

import re

_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def printable(text: str) -> str:
    """Return the text with every character that is not shown as itself written as its escape."""
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def short(text: str, limit: int) -> str:
    """Return one printable line of about `limit` characters, cut in the middle."""
    if len(text) > limit:
        half = limit // 2
        text = f"{text[:half]} … {text[-half:]}"
    return printable(text)


def code(text: str, limit: int = 80) -> str:
    """Return the text as a Markdown code span, which nothing in it can end."""
    shown = short(text, limit)
    if not shown.strip():
        return "(blank)"
    marks = "`" * (_longest_run(shown) + 1)
    return f"{marks} {shown} {marks}" if "`" in shown else f"{marks}{shown}{marks}"


def cell(text: str, limit: int = 80) -> str:
    """Return the text as a code span that does not end the cell of a table."""
    return code(text, limit).replace("|", r"\x7c")


def fenced(text: str, *, characters: int = 600, lines: int = 12) -> str:
    """Return the end of the text as a fenced block, which nothing in it can close."""
    tail = text[-characters:]
    kept = tail.split("\n")[-lines:]
    shown = "\n".join(printable(line) for line in kept)
    if len(shown) and (len(tail) < len(text) or len(kept) < tail.count("\n") + 1):
        shown = f"… {shown}"
    marks = "`" * max(3, _longest_run(shown) + 1)
    return f"{marks}text\n{shown}\n{marks}"


def _escape(char: str) -> str:
    number = ord(char)
    if char in _NAMED:
        return _NAMED[char]
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
