"""Says what is too costly, or too strange, to be given to algebra: before any algebra is done.

Only what is on the list of known signs and commands gets through, so nothing that an answer holds
can be taken for code. What gets through may still run long; it runs where it can be killed.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from advdistill.verifier import latex as source
from advdistill.verifier.arithmetic import value
from advdistill.verifier.latex import FUNCTIONS, Tokens
from advdistill.verifier.operations import TooBigError

_MAX_TOKENS = 400
_MAX_NESTING = 16
_MAX_DIGITS = 400
_MAX_TERMS = 80
_MAX_EXPONENT = 10_000
_MAX_FACTORIAL = 3_000
_GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi rho sigma "
    "tau phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega pi ell"
)
_COMMANDS = frozenset(
    "frac binom sqrt cdot pm infty cup cap in notin setminus le ge ne emptyset sum prod int lim "
    "rightarrow circ left right lfloor rfloor lceil rceil langle rangle mathbb land prime partial "
    f"approx angle {_GREEK}".split()
)
_SIGNS = frozenset("+-/^_=<>!|,;:.'&(){}[]") | {", ", r"\\", r"\{", r"\}"}
_ENVIRONMENTS = frozenset(
    rf"\{edge}{{{name}}}" for edge in ("begin", "end") for name in ("matrix", "vmatrix", "cases")
)
_OPENERS = frozenset(("(", "[", "{", r"\{"))
_CLOSERS = frozenset((")", "]", "}", r"\}"))


def refusal(latex: str) -> str | None:
    """Return why an expression is not given to algebra; None for one that may be."""
    try:
        tokens = source.tokens(latex)
    except ValueError as error:
        return str(error)
    checks = (_strange(tokens), _large(tokens), _deep(tokens), _exploding(tokens))
    return next(filter(None, checks), None)


def _strange(tokens: Tokens) -> str | None:
    strange = next((token for token in tokens if not _known(token)), None)
    if strange is not None:
        return f"'{strange[:20]}' is not read as mathematics"
    for one, two in pairwise(tokens):
        if one[0].isdecimal() and (two[0].isdecimal() or two == "_"):
            return "two numbers side by side" if two != "_" else "a number in another base"
    return None


def _known(token: str) -> bool:
    if token[0] == "\\" and token[1:].isalpha():
        return token[1:] in _COMMANDS or token[1:] in FUNCTIONS
    if token.isascii() and (token.isalpha() or token[0].isdecimal()):
        return True
    return token in _SIGNS or token in _ENVIRONMENTS


def _large(tokens: Tokens) -> str | None:
    if len(tokens) > _MAX_TOKENS:
        return f"more than {_MAX_TOKENS} signs"
    if any(len(token) > _MAX_DIGITS for token in tokens):
        return f"a number of more than {_MAX_DIGITS} digits"
    if sum(token in ("+", "-", r"\pm") for token in tokens) > _MAX_TERMS:
        return f"more than {_MAX_TERMS} terms"
    return None


def _deep(tokens: Tokens) -> str | None:
    depth = deepest = 0
    for token in tokens:
        depth += (token in _OPENERS) - (token in _CLOSERS)
        deepest = max(deepest, depth)
    return f"nested more than {_MAX_NESTING} deep" if deepest > _MAX_NESTING else None


def _exploding(tokens: Tokens) -> str | None:
    """Return the operation that makes a number too big."""
    for operation, operand, most, times in _operands(tokens):
        try:
            number = value(operand)
        except TooBigError:
            return f"{operation} of a number that is too big"
        except ZeroDivisionError:
            return "a division by zero"
        if isinstance(number, Fraction) and abs(number) * times > most:
            return f"{operation} beyond {most}"
    return "a factorial of a factorial" if "!!" in "".join(tokens) else None


def _operands(tokens: Tokens) -> Iterator[tuple[str, Tokens, int, int]]:
    """Yield every exponent, and whatever a factorial or a binomial coefficient is taken of.

    Each comes with the most that it may be and, for a power of a power, the exponent before.
    """
    opened: list[int] = []
    powers = _powers(tokens)
    for place, token in enumerate(tokens):
        factorial = tokens[place + 1 : place + 2] == ("!",)
        if token in _OPENERS:
            opened.append(place)
        elif token in _CLOSERS and opened:
            start = opened.pop()
            inside, before = tokens[start + 1 : place], tokens[start - 1] if start else ""
            if before == "^":
                yield "a power", inside, _MAX_EXPONENT, powers.get(start, 1)
            elif before == r"\binom" or (before == "}" and r"\binom" in tokens):
                yield "a binomial coefficient", inside, _MAX_EXPONENT, 1
            if factorial:
                yield "a factorial", inside, _MAX_FACTORIAL, 1
        elif token[0].isdecimal() and factorial:
            yield "a factorial", (token,), _MAX_FACTORIAL, 1


def _powers(tokens: Tokens) -> dict[int, int]:
    """Return for the brace of each exponent the power that its base already holds.

    That of the 5 in `(x^{3})^{5}` is 3, so that a tower of such powers cannot hide its height.
    """
    found: dict[int, int] = {}
    highest, closed = [1], 1
    for place, token in enumerate(tokens):
        exponent = place > 0 and tokens[place - 1] == "^"
        if token in _OPENERS:
            found |= {place: closed} if exponent else {}
            highest.append(closed if exponent else 1)
        elif token in _CLOSERS and len(highest) > 1:
            closed = highest.pop()
            if tokens[place + 1 : place + 2] != ("^",):
                highest[-1] = max(highest[-1], closed)
        elif token.isdecimal() and place - 1 in found:
            highest[-1] *= int(token[:9])
        elif token != "^":
            closed = 1
    return found
