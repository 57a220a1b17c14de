import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from advdistill.cli.showing import cell, code, fenced, printable, short

HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "\x9b31m",
    "\x00\x07\x7f",
    "\u202egnp.exe",
    "\ud800",
    "```\n# out",
    "a`b``c```d",
    "~~~\nout",
    "|x|",
    "\\|x",
    "<script>alert(1)</script>",
    "[a](javascript:b)",
    "\r\n\r\n# title",
    "\u2028# title",
    "![x](https://example.com/x.png)",
    "</code>",
    " ",
    "",
    "`",
]
any_text = st.one_of(st.text(max_size=60), st.text(alphabet="`~|\\ \n#<>*_[]()", max_size=60))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("18 apples", "18 apples"),
        ("a\tb\nc\r", r"a\tb\nc\r"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\u202e\u200b", r"\u202e\u200b"),
        ("\ud83d", r"\ud83d"),
        ("\U000e0041", r"\U000e0041"),
        ("½ é 漢 😀", "½ é 漢 😀"),
    ],
)
def test_only_what_is_not_shown_as_itself_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_what_is_shown_is_printable_and_can_be_encoded(text: str) -> None:
    assert printable(text).isprintable()
    printable(text).encode()


def test_a_long_text_keeps_both_ends() -> None:
    assert short("a" * 50 + "b" * 50, 20) == "a" * 10 + " … " + "b" * 10
    assert short("a" * 20, 20) == "a" * 20


@given(any_text)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_code_span_stays_one(text: str, more: str) -> None:
    for inside in (text, more, text + more):
        [block] = [t for t in MarkdownIt().parse(f"- {code(inside)} end") if t.type == "inline"]
        kinds = [child.type for child in block.children or []]
        assert kinds in (["code_inline", "text"], ["text"])
        assert block.content.endswith(" end")


@given(any_text)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_stays_one(text: str, more: str) -> None:
    table = f"| a | b |\n| --- | --- |\n| {cell(text + more)} | end |\n"
    tokens = MarkdownIt().enable("table").parse(table)
    assert [token.type for token in tokens].count("td_open") == 2
    inline = [t.content for t in tokens if t.type == "inline"]
    assert inline[-1] == "end"


@given(any_text)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_fence_stays_closed_until_its_end(text: str, more: str) -> None:
    for inside in (text, more, text + more, more + text):
        tokens = MarkdownIt().parse(f"{fenced(inside)}\n\nend")
        assert [t.type for t in tokens] == [
            "fence", "paragraph_open", "inline", "paragraph_close",
        ]  # fmt: skip


def test_a_fence_keeps_the_end_of_a_long_text() -> None:
    by_characters = fenced("a" * 1_000_000 + "the end", characters=20)
    assert by_characters == f"```text\n… {'a' * 13}the end\n```"
    by_lines = fenced("\n".join(map(str, range(100))), lines=2)
    assert by_lines == "```text\n… 98\n99\n```"
    assert fenced("one\ntwo") == "```text\none\ntwo\n```"
