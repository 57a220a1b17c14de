"""A comparison on the screen, as Markdown and as LaTeX; no text of a run ends its own place."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

from rich.console import Console
from rich.table import Table as Drawn
from rich.text import Text

from advdistill.cli.showing import printable
from advdistill.compare.claims import Comparison
from advdistill.compare.tables import Table, tables_of

_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "²": r"\textsuperscript{2}",
}  # fmt: skip
_MARKDOWN = "\\`*_{}[]<>()#+!|~"


def screen(comparison: Comparison, *, width: int | None, checkpoints: bool) -> str:
    """Return the claims, then the tables, laid out to a width in characters."""
    console = Console(file=StringIO(), width=width, highlight=False)
    console.print(Text(f"Comparison of {printable(comparison.title)}"), style="bold")
    for heading, lines in _sections(comparison):
        console.print(f"\n{heading}", style="bold")
        for line in lines:
            console.print(Text(f"- {printable(line)}"))
    for table in tables_of(comparison, checkpoints=checkpoints):
        drawn = Drawn(box=None, header_style="bold", padding=(0, 1))
        for column in table.columns:
            drawn.add_column(Text(column), overflow="fold")
        for row in table.rows:
            drawn.add_row(*(Text(printable(cell)) for cell in row))
        console.print(f"\n{table.title}", style="bold")
        console.print(drawn)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def markdown(comparison: Comparison, *, checkpoints: bool) -> str:
    """Return the comparison as Markdown."""
    blocks = [f"# Comparison of {_marked(comparison.title)}"]
    for heading, lines in _sections(comparison):
        blocks.append(f"## {heading}\n\n" + "\n".join(f"- {_marked(line)}" for line in lines))
    for table in tables_of(comparison, checkpoints=checkpoints):
        rows = [table.columns, tuple("---" for _ in table.columns), *table.rows]
        first, rule, *rest = rows
        spelt = [_row(first), "| " + " | ".join(rule) + " |", *map(_row, rest)]
        blocks.append(f"## {table.title}\n\n" + "\n".join(spelt))
    return "\n\n".join(blocks) + "\n"


def latex(comparison: Comparison, *, checkpoints: bool) -> str:
    r"""Return the tables, with the claims as comments above; wants \usepackage{booktabs}."""
    claims = [f"% {printable(line)}" for _, lines in _sections(comparison) for line in lines]
    tables = [_latex(table) for table in tables_of(comparison, checkpoints=checkpoints)]
    return "\n".join([*claims, "", *tables])


def _sections(comparison: Comparison) -> Iterator[tuple[str, list[str]]]:
    """Yield what is said, what is not compared, and what to know, each where there is any."""
    refused = [
        f"[{one.kind}] {one.first}{f' and {one.second}' if one.second else ''}: {one.reason}"
        + "".join(f"\n    {item}" for item in one.listed if item not in one.reason)
        for one in comparison.refusals
    ]
    sections = {
        "What is shown": list(comparison.sentences) or ["Nothing: see below."],
        "Not compared": [line for entry in refused for line in entry.split("\n")],
        "To know": list(comparison.notes),
    }
    yield from ((heading, lines) for heading, lines in sections.items() if lines)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(map(_marked, cells)) + " |"


def _marked(text: str) -> str:
    shown = printable(text)
    return "".join(f"\\{char}" if char in _MARKDOWN else char for char in shown)


def _latex(table: Table) -> str:
    rows = [" & ".join(map(_escaped, row)) + r" \\" for row in (table.columns, *table.rows)]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{_escaped(table.title)}}}",
            rf"\begin{{tabular}}{{{'l' * len(table.columns)}}}",
            r"\toprule",
            rows[0],
            r"\midrule",
            *rows[1:],
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in printable(text))
