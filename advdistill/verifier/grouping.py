r"""Puts braces around every argument of a LaTeX command and takes all others away.

`\frac12` becomes `\frac{1}{2}` and `{x}` becomes `x`. A stack instead of recursion.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

_CLOSES = {
    "}": ("argument", "brace"),
    ")": ("(", "[", "group"),
    "]": ("(", "[", "root"),
    r"\}": (r"\{",),
    r"\rangle": (r"\langle",),
    r"\rfloor": (r"\lfloor",),
    r"\rceil": (r"\lceil",),
}
"""What each closing token may close; an interval may be open at one end."""
_OPENERS = frozenset(("(", "[", r"\{", r"\langle", r"\lfloor", r"\lceil"))
_ARGUMENTS = {r"\frac": 2, r"\binom": 2, r"\sqrt": 1, "^": 1, "_": 1}
_ONE_DIGIT = frozenset((r"\frac", r"\sqrt", r"\binom", "}"))
_WRITTEN = frozenset(("argument", "group", "bare"))
"""What is open and ends with the brace of an argument."""


def grouped(given: Iterable[str]) -> tuple[str, ...]:
    """Return the tokens with every argument in braces.

    Raises:
        ValueError: a brace or bracket has no partner, or an argument is missing.
    """
    return _Grouping().run(given)


@dataclass(slots=True)
class _Grouping:
    """Puts braces around every argument and takes all others away."""

    out: list[str] = field(default_factory=list)
    open: list[tuple[str, int]] = field(default_factory=list)
    """What is open, innermost last, and how many arguments are missing after its end."""
    missing: int = 0
    """How many arguments the command before still wants."""

    def run(self, given: Iterable[str]) -> tuple[str, ...]:
        """Return the tokens with their arguments in braces."""
        for token in given:
            if token == "{":
                self._open("argument" if self.missing else "brace")
            elif token in _OPENERS or token.startswith(r"\begin{"):
                self._open_bracket(token)
            elif token in _CLOSES or token.startswith(r"\end{"):
                self._close(token)
            else:
                self._plain(token)
        if self.missing or self.open:
            raise ValueError("a brace or bracket that is not closed, or a missing argument")
        return tuple(self.out)

    def _open(self, kind: str, written: str = "") -> None:
        argument = kind in _WRITTEN
        self.open.append((kind, self.missing - argument))
        self.missing = 0
        if argument or written:
            self.out.append(written or "{")

    def _open_bracket(self, token: str) -> None:
        r"""Open a bracket; that of `x^(2)` and `\sqrt(2)` is the argument's brace."""
        before = self.out[-1] if self.missing else ""
        if token == "[" and before == r"\sqrt":
            self._open("root", "[")
        elif token == "(" and before in ("^", "_", r"\sqrt"):
            self._open("group")
        else:
            self._start()
            self._open(token, token)

    def _close(self, token: str) -> None:
        closes = _CLOSES.get(token, (token.replace(r"\end", r"\begin"),))
        if self.missing or not self.open or self.open[-1][0] not in closes:
            raise ValueError(f"'{token}' closes nothing")
        kind, self.missing = self.open.pop()
        if kind != "brace":
            self.out.append("}" if kind in _WRITTEN else token)
        if kind != "root":
            self._finish()

    def _plain(self, token: str) -> None:
        r"""Write one token; of a number after `\frac`, as in TeX, one digit is the argument."""
        while self.missing and token.isdecimal() and self.out[-1] in _ONE_DIGIT and token[1:]:
            self._argument(token[0])
            token = token[1:]
        if self.missing and token in ("+", "-"):
            self._start()
            self.out.append(token)
        else:
            self._argument(token)

    def _argument(self, token: str) -> None:
        self._start()
        self.out.append(token)
        self.missing = _ARGUMENTS.get(token, 0)
        self._finish()

    def _start(self) -> None:
        """Open the brace of an argument that has none."""
        if self.missing:
            self._open("bare")

    def _finish(self) -> None:
        """Close the braces that were opened for the argument that ends here."""
        while not self.missing and self.open and self.open[-1][0] == "bare":
            self.missing = self.open.pop()[1]
            self.out.append("}")
