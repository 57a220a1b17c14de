import pytest

from advdistill.report.marking import latex_text, markdown_text
from advdistill.report.readable import cut, label, readable
from advdistill.report.tables import chance, number, percent, points


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢字", "plain é 漢字"),
        ("a\nb", "a\nb"),
        ("a\tb", "a    b"),
        ("\x00\x1b\u202e\U000e0001", "\\u0000\\u001b\\u202e\\U000e0001"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_is_not_seen_is_written_as_its_escape(text: str, shown: str) -> None:
    assert readable(text) == shown


def test_labels_are_one_line_of_their_length() -> None:
    assert label("a\n b") == "a b"
    assert label("x" * 41) == "x" * 39 + "…"
    assert label("x" * 40) == "x" * 40


def test_a_long_answer_keeps_its_beginning_and_its_end() -> None:
    text = cut("b" * 800 + "m" * 10_000 + "e" * 400, 1200)
    assert text == "b" * 800 + "\n[… 10,000 characters …]\n" + "e" * 400
    assert cut("b" * 1200, 1200) == "b" * 1200


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a|b\n<i>", "a\\|b \\<i\\>"), ("_*`[x](y)", "\\_\\*\\`\\[x\\](y)"), ("\\", "\\\\")],
)
def test_markdown_reads_nothing_in_a_text(text: str, shown: str) -> None:
    assert markdown_text(text) == shown


def test_latex_reads_nothing_in_a_text() -> None:
    assert latex_text("50% & $x_1$ {\\input} #~^") == (
        r"50\% \& \$x\_1\$ \{\textbackslash{}input\} \#\textasciitilde{}\textasciicircum{}"
    )


def test_numbers_are_spelt_for_people() -> None:
    assert (percent(0.1234), percent(None)) == ("12.3", "\N{EN DASH}")
    assert (points(-1.25), points(2)) == ("\N{MINUS SIGN}1.2", "+2.0")
    assert (number(123456.7), number(0.00012345), number(-2)) == (
        "123,457", "0.0001234", "\N{MINUS SIGN}2",
    )  # fmt: skip
    assert (chance(0.0004), chance(0.0312)) == ("< 0.001", "0.031")
