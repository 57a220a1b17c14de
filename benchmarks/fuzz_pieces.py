"""Pieces of hostile answers, and numbers as answers spell them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

MARKERS = (
    *("####", "#### ", "##", r"\boxed{", r"\boxed {", r"\fbox{", r"\boxed", "}", "{", "}}"),
    *("<answer>", "</answer>", "<think>", "</think>", "<", ">", "The answer is ", "answer:"),
    *("Answer: ", "**Answer:** ", "A:", "\nA: ", "final answer", '{"answer": "', '"answer":'),
    *('"}', '", "', "Question: ", "The correct option is ", "Output:", "$", "$$", r"\(", r"\]"),
)
MARKUP = (
    *("**", "*", "_", "`", "```", "```python\n", "~~", "|", "\n- ", "\n\n", "\n", "\r\n", "\t"),
    *("# ", "> ", "[x](y)", "<b>", "</b>", "&nbsp;", "<!--", "-->", "<<3*4=12>>", "<<", ">>"),
)
LATEX = (
    *(r"\frac{", r"\frac", r"\dfrac12", r"\sqrt{", r"\sqrt[3]{", r"\left(", r"\right)", r"\pi"),
    *(r"\infty", r"\text{", r"\mathrm{", r"\cdot", r"\times", r"\%", r"\$", r"\,", r"\!", r"\\"),
    *(r"\begin{pmatrix}", r"\end{pmatrix}", r"\begin{cases}", r"\cup", r"\in", r"\{", r"\}", "^"),
    *(r"\pm", r"\binom{", r"\sum_{n=1}^{", r"\int_0^1", r"^\circ", r"\overline{", "_{", "^{", "&"),
    *(r"\log_{2}", r"\sin", r"\le", r"\neq", r"\mathbb{R}", r"\emptyset", "!", "!!", "|x|", "i"),
)
PROSE = (
    *("so ", "because ", "not ", "or ", "and ", "neither ", "both ", "dollars", " apples", "km/h"),
    *("option ", "none of these", "cannot be determined", "isn't ", "approximately ", "per day"),
    *("(A)", "(B)", "B.", "C)", "D", "A or B", "A, B", "granite", "river mud", "zinc", "New York"),
    *(
        "x = ",
        "= ",
        "≈",
        "≠",
        " + ",
        " - ",
        "\u2212",
        " * ",
        " / ",
        "÷",
        "%",
        " percent",
        "€",
        "£",
        "¢",
    ),
)
ODD = (
    *("\0", "\x07", "\x1b[31m", "\x7f", "\x85", "\u2028", "\ufeff", "\u200b", "\u200d", "\u202e"),
    *("\u202c", "\u2066", "\u0301" * 3, "\ud800", "\udfff", "\udc80", "\U0001f600", "\U0010ffff"),
    *("\u0661\u0662", "\uff11\uff18", "\u00b2", "\u2460", "\u00bd", "\u2155", "\u2044", "\u0967"),
    *("\u3002", "\uff0c", "\u00a0", "\u2009", "\u0130", "\u01c5", "\ufb03", "\u1e9e", "\ufffd"),
)
CODE = (
    *("9**9**9", "10**10**10", "1/0", "0/0", "0**-1", "__import__('os').system('id')", "exec('1')"),
    *("eval(input())", "().__class__.__mro__[-1]", "lambda: 0", "; rm -rf /", "$(id)", "`id`"),
    *("' OR 1=1 --", "${7*7}", "{{7*7}}", "%s%n", "../../etc/passwd", "import sys", "nan", "inf"),
    *("-inf", "NaN", "None", "True", "0x1F", "0b11", "1_000", "1j", "1e5", "factorial(9999)"),
)
BAIT = ("(a+)+$", "a a a ", "((", "))", "[[", "{{", "1,", "1 ", ".", "-", "+-", "= ", "\\", '\\"')
PIECES = (*MARKERS, *MARKUP, *LATEX, *PROSE, *ODD, *CODE, *BAIT)
NESTS = (
    *(("(", ")"), ("{", "}"), ("[", "]"), (r"\boxed{", "}"), (r"\frac{1}{", "}"), ("2^{", "}")),
    *(
        (r"\sqrt{", "}"),
        (r"\left(", r"\right)"),
        ("<think>", "</think>"),
        ("<answer>", "</answer>"),
    ),
    *(('{"answer": ', "}"), ("$", "$"), ("**", "**"), ("|", "|"), ("-(", ")"), ("((1+", ")!)")),
)


def value(random: Random) -> int:
    """Return a value in hundredths."""
    digits = random.choice((1, 2, 2, 3, 4, 6, 9, 30))
    whole = random.randrange(10**digits) * random.choice((1, 1, 1, -1))
    return whole * 100 + random.choice((0, 0, 0, 50, 25, 7))


def plain(value: int) -> str:
    """Return 7.5 for 750."""
    whole, hundredths = divmod(abs(value), 100)
    decimals = f".{hundredths:02}".rstrip("0") if hundredths else ""
    return f"{'-' if value < 0 else ''}{whole}{decimals}"


def grouped(value: int, separator: str = ",") -> str:
    """Return 1,234.5 for 123450."""
    whole, _, decimals = plain(abs(value)).partition(".")
    digits = f"{int(whole):,}".replace(",", separator)
    return f"{'-' if value < 0 else ''}{digits}{decimals and '.'}{decimals}"


SPELLINGS: tuple[Callable[[int], str], ...] = (
    plain,
    grouped,
    lambda value: f" {plain(value)} ",
    lambda value: f"{plain(value)}0" if value % 100 else f"{plain(value)}.00",
    lambda value: f"{2 * value}/200",
    lambda value: f"\\frac{{{3 * value}}}{{300}}",
    lambda value: f"${plain(value)}$",
)
UNIT_SPELLINGS: tuple[Callable[[int], str], ...] = (
    lambda value: f"{plain(value)} dollars",
    lambda value: f"**{grouped(value)}**",
    lambda value: f"{plain(value)}%",
    lambda value: f"{plain(value)} \\text{{ cm}}",
    lambda value: plain(value).replace("-", "\u2212"),
    lambda value: grouped(value, "{,}"),
    lambda value: f"x = {plain(value)}",
)


def number_like(random: Random) -> str:
    """Return a number as answers hold them, well or badly spelled, small or huge."""
    return random.choice(NUMBER_LIKE)(value(random), random.randint(0, 12))


NUMBER_LIKE: tuple[Callable[[int, int], str], ...] = (
    *(lambda value, _, spell=spell: spell(value) for spell in (*SPELLINGS, *UNIT_SPELLINGS)),
    lambda value, more: f"{value}e{more}",
    lambda value, more: f"{value}e{10**more}",
    lambda value, more: f"{value}^{{{more}}}",
    lambda value, more: f"{value}**{10**more}",
    lambda value, more: f"{value} \\times 10^{{{more}}}",
    lambda value, more: f"{value}.{more}.{value}",
    lambda value, more: f"{value},{more}",
    lambda value, more: f"{value} {more}/{more + 1}",
    lambda value, more: f"{value}:{more:02}",
    lambda value, more: f"({value}, {more})",
    lambda value, more: f"\\sqrt{{{value}}} + {more}",
    lambda _, more: f"{more}!",
    lambda _, more: "9" * more**3,
    lambda _, more: "0." + "0" * more**2 + "1",
)
