r"""Works out expressions of numbers: `2\cdot10^{3}` and `1\frac{1}{2}` exactly, `2\pi` nearly.

An operator stack instead of recursion; a result of more than 4,096 bits is refused before it is
made, so that no answer can ask for much work.
"""

import re
from collections.abc import Sequence
from decimal import DecimalException
from fractions import Fraction

from advdistill.verifier.near import PI, UnclearError
from advdistill.verifier.operations import (
    MAX_BITS,
    NotANumberError,
    Number,
    TooBigError,
    applied,
    exact,
    factorial,
    worked_out,
)

_DIGITS = re.compile(r"\d[\d,]*(?:\.\d+)?")
_BINARY = {"+": 1, "-": 1, r"\cdot": 2, "/": 2, "mixed": 3, "negate": 4, "^": 5}
"""Every operator with how tightly it binds; `mixed` puts 1 and 1/2 together to 3/2."""
_OPENERS = frozenset("{([")
_CLOSERS = frozenset("})]")
_FUNCTIONS = {r"\frac": 2, r"\binom": 2, r"\sqrt": 1}
"""How many arguments each has."""
_SIGNS = frozenset((*_BINARY, *_OPENERS, *_CLOSERS, *_FUNCTIONS, "!", r"\pi")) - {"mixed", "negate"}


def value(tokens: Sequence[str]) -> Number | None:
    """Return what an expression of numbers is worth; None where it is not one.

    Raises:
        TooBigError: a number on the way has more than 4,096 bits.
        ZeroDivisionError: it divides by zero.
    """
    if not tokens or any(not _known(token) for token in tokens):
        return None
    try:
        return _Stack().run(tokens)
    except (IndexError, NotANumberError, UnclearError):
        return None
    except (OverflowError, DecimalException) as error:
        raise TooBigError("a number beyond 2,000 digits") from error


def literal(token: str) -> Fraction | None:
    """Return the value of one number as it is written; None for anything else."""
    if not _DIGITS.fullmatch(token):
        return None
    if len(token) > MAX_BITS // 4:
        raise TooBigError(f"a number of {len(token)} digits")
    return Fraction(token.replace(",", ""))


def _known(token: str) -> bool:
    return token[0].isdecimal() or token in _SIGNS


class _Stack:
    """Numbers and operators that wait for their right side."""

    def __init__(self) -> None:
        self.numbers: list[Number] = []
        self.waiting: list[str] = []
        self.arguments: list[int] = []
        """Where a function's arguments begin among the numbers, innermost last."""
        self.ended = ""
        """What the number before is: `integer`, `decimal`, `fraction`, `factorial` or `other`."""

    def run(self, tokens: Sequence[str]) -> Number | None:
        for token in tokens:
            self._take(token)
        self._settle(0)
        if self.waiting or len(self.numbers) != 1:
            return None
        return self.numbers[0]

    def _take(self, token: str) -> None:
        if (number := literal(token)) is not None:
            if self.ended in ("integer", "decimal"):  # 1 2 are two numbers
                raise NotANumberError
            self._begin()
            self.numbers.append(number)
            self.ended = "integer" if token.isdecimal() else "decimal"
        elif token == r"\pi":
            self._begin()
            self.numbers.append(PI)
            self.ended = "other"
        elif token in _OPENERS:
            self._open(token)
        elif token in _CLOSERS:
            self._close()
        elif token in _FUNCTIONS:
            self._begin(fraction=token == r"\frac")
            self.waiting.append(token)
            self.arguments.append(len(self.numbers))
            self.ended = ""
        elif token == "!":
            if self.ended in ("", "factorial"):  # 5!! is not (5!)!
                raise NotANumberError
            self.numbers.append(factorial(exact(self.numbers.pop())))
            self.ended = "factorial"
        else:
            self._operator(token)

    def _begin(self, *, fraction: bool = False) -> None:
        """Put a product between two numbers side by side, a sum in a mixed number."""
        if not self.ended:
            return
        before = self.waiting[-1] if self.waiting else ""
        if before == "/":  # 1/2(3) is 3/2 to some and 1/6 to others
            raise NotANumberError
        mixed = fraction and self.ended == "integer" and before != "^"
        self._operator("mixed" if mixed else r"\cdot")

    def _open(self, token: str) -> None:
        if token == "[" and self.waiting[-1:] == [r"\sqrt"]:
            raise NotANumberError
        if token != "{":
            self._begin()
        self.waiting.append(token)
        self.ended = ""

    def _close(self) -> None:
        """End a bracket; the last one of a function's arguments makes the function's number."""
        if not self.ended:
            raise NotANumberError
        self._settle(0)
        self.waiting.pop()
        self.ended = "other"
        function = self.waiting[-1] if self.waiting else ""
        if function not in _FUNCTIONS:
            return
        self.ended = ""
        start = self.arguments[-1]
        if len(self.numbers) - start == _FUNCTIONS[function]:
            self.waiting.pop()
            self.arguments.pop()
            self.numbers[start:] = [applied(function, self.numbers[start:])]
            self.ended = "fraction" if function == r"\frac" else "other"

    def _operator(self, token: str) -> None:
        if not self.ended and token in "+-":
            if token == "-":
                self.waiting.append("negate")
            return
        if not self.ended:
            raise NotANumberError
        self._settle(_BINARY[token] + (token == "^"))
        self.waiting.append(token)
        self.ended = ""

    def _settle(self, tightness: int) -> None:
        """Work out what waits and binds at least as tightly."""
        while self.waiting and _BINARY.get(self.waiting[-1], -1) >= tightness:
            operator = self.waiting.pop()
            right = self.numbers.pop()
            if operator == "negate":
                self.numbers.append(-right)
            else:
                self.numbers.append(worked_out(operator, self.numbers.pop(), right))
