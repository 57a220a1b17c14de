import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from advdistill.compare.claims import Comparison
from advdistill.compare.runs import FinishedRun
from advdistill.errors import ConfigError, DataError
from advdistill.report.page import Page, page_of
from advdistill.report.writing import html, latex, markdown, write_report

ALLOWED = {"script", "style", "svg", "meta"}
HIDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""What is no character to be seen, or turns the direction of others."""


class Elements(HTMLParser):
    """The tags, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            if name == "id":
                self.ids.append(value or "")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script" and data.strip():
            self.scripts.append(data)


@pytest.fixture(scope="module")
def text(hostile_page: Page) -> str:
    return html(hostile_page)


@pytest.fixture(scope="module")
def elements(text: str) -> Elements:
    return Elements(text)


def test_nothing_hostile_becomes_an_element_or_an_attribute(elements: Elements) -> None:
    assert elements.tags.count("script") == 2
    assert "img" not in elements.tags
    assert "i" not in elements.tags
    assert not [name for _, name, _ in elements.attributes if name.startswith("on")]


def test_the_page_names_no_address_and_no_inline_style(text: str, elements: Elements) -> None:
    links = [value for _, name, value in elements.attributes if name in ("href", "src")]
    assert links
    assert all(link.startswith("#") for link in links)
    assert not [tag for tag, name, _ in elements.attributes if name == "style"]
    assert "http://" not in text.replace("http-equiv", "")
    assert "https://" not in text


def test_no_character_hides_or_turns_others(text: str) -> None:
    assert not HIDING.search(text.replace("\n", ""))
    assert "\\u202e" in text


def test_ids_are_the_pages_only_ones_and_every_reference_is_answered(
    text: str, elements: Elements
) -> None:
    assert len(elements.ids) == len(set(elements.ids))
    named = {value[1:] for _, name, value in elements.attributes if name == "href"}
    named |= set(re.findall(r"url\(#([^)]+)\)", text))
    for _, name, value in elements.attributes:
        if name in ("aria-labelledby", "for"):
            named |= set(value.split())
    assert named <= set(elements.ids)


def test_every_plot_has_a_title_a_description_and_its_numbers(
    hostile_page: Page, text: str
) -> None:
    svgs = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    figures = [*hostile_page.verdict, *(f for s in hostile_page.sections for f in s.figures)]
    drawn = sum(1 + (p.narrow is not None) for f in figures for p in f.panels)
    assert len(svgs) == drawn > 10
    for svg in svgs:
        assert re.search(r'role="img"', svg)
        assert re.search(r"<title id=[^>]*>[^<]+</title><desc id=[^>]*>[^<]+</desc>", svg)
    for figure in figures:
        assert figure.table.rows, figure.name
        assert f'<table id="{figure.table.name}">' in text


def test_answers_are_the_data_that_models_gave_as_text(elements: Elements) -> None:
    data = json.loads(elements.scripts[0])
    first = data["problems"][0]
    told = first["answers"][0]["text"]
    assert data["models"][-2:] == ["base student", "teacher"]
    assert len(data["models"]) == 5
    assert "</script>" in told
    assert "characters …]" in told
    assert told.endswith("END")
    assert len(told) < 1500
    assert "\\u0000" in told


def test_two_reports_of_the_same_runs_are_the_same_bytes(
    hostile_comparison: Comparison, hostile_runs: list[FinishedRun], hostile_page: Page, text: str
) -> None:
    again = page_of(hostile_comparison, list(reversed(hostile_runs)))
    assert html(again) == text
    assert markdown(again) == markdown(hostile_page)
    assert latex(again) == latex(hostile_page)


def test_no_cell_of_a_markdown_table_breaks_out(hostile_page: Page) -> None:
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown(hostile_page))
    kinds = [token.type for token in tokens]
    inner = [child.type for token in tokens for child in token.children or ()]
    assert kinds.count("table_open") == len(hostile_page.tables)
    assert not {"html_block", "fence", "code_block"} & set(kinds)
    assert not {"html_inline", "link_open", "image", "code_inline", "em_open"} & set(inner)
    rows = [len(table.rows) + 1 for table in hostile_page.tables]
    assert kinds.count("tr_open") == sum(rows)


def test_latex_holds_nothing_of_a_label_that_latex_would_read(hostile_page: Page) -> None:
    text = latex(hostile_page)
    label = (
        r"\textless{}b\textgreater{}shuffled\textless{}/b\textgreater{} \$\textbackslash{}alpha\$"
    )
    assert label in text
    assert text.count(r"\begin{table}") == len(hostile_page.tables) == text.count(r"\end{table}")
    for line in text.splitlines():
        if line.endswith(r" \\"):
            assert line.replace(r"\&", "").count("&") in {
                len(t.columns) - 1 for t in hostile_page.tables
            }


def test_the_files_lie_beside_each_other(hostile_page: Page, tmp_path: Path) -> None:
    files = write_report(hostile_page, tmp_path / "deep" / "r.html")
    assert [file.name for file in files] == ["r.html", "r.md", "r.tex"]
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == [
        "r.html",
        "r.md",
        "r.tex",
    ]
    with pytest.raises(ConfigError, match=r"does not end in \.html"):
        write_report(hostile_page, tmp_path / "r.md")


def test_a_comparison_of_other_runs_is_refused(
    hostile_comparison: Comparison, hostile_runs: list[FinishedRun]
) -> None:
    with pytest.raises(DataError, match="nothing to show"):
        page_of(replace(hostile_comparison, cells=()), hostile_runs)
