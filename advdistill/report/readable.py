"""Text of models, data sets and configurations made fit to be looked at."""

from __future__ import annotations


def readable(text: str) -> str:
    """Return the text with every character that is not shown as itself written as its escape.

    Line ends stay. What turns the direction of text, or is no character, is seen and does nothing.
    """
    return "".join(char if char.isprintable() or char == "\n" else _escape(char) for char in text)


def label(text: str, limit: int = 40) -> str:
    """Return one readable line of at most `limit` characters, its end left out."""
    line = readable(" ".join(text.split()))
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def cut(text: str, limit: int) -> str:
    """Return the readable text; of a longer one two thirds from its beginning, the rest of its end.

    The end of an answer is where its result stands.
    """
    if len(text) <= limit:
        return readable(text)
    end = limit // 3
    left_out = len(text) - limit
    return (
        f"{readable(text[: limit - end])}\n[… {left_out:,} characters …]\n{readable(text[-end:])}"
    )


def _escape(char: str) -> str:
    number = ord(char)
    if char == "\t":
        return "    "
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
