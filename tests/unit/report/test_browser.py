"""The report in a real browser: what it shows, what it asks for, and what a keyboard can do."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from advdistill.report.page import Page
from advdistill.report.writing import write_report
from tests.browser import browser

Open = Callable[..., AbstractContextManager]
WIDE, PHONE, PAPER = 1200, 360, 794
ANSWERS = 5
"""Models whose answers the page holds: three arms, base student and teacher."""


@pytest.fixture(scope="module")
def opened(hostile_page: Page, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Yield what opens the hostile report, and fails for anything that it says or asks for."""
    path: Path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(hostile_page, path)
    with browser() as chromium:

        @contextmanager
        def opening(width: int = WIDE, scheme: str = "light", *, quiet: bool = True) -> Iterator:
            context = chromium.new_context(
                viewport={"width": width, "height": 800}, color_scheme=scheme
            )
            page = context.new_page()
            heard: list[str] = []
            asked: list[str] = []
            page.on("console", lambda message: heard.append(message.text))
            page.on("pageerror", lambda error: heard.append(str(error)))
            page.on("dialog", lambda dialog: (heard.append(dialog.message), dialog.dismiss()))
            page.on("request", lambda request: asked.append(request.url))
            page.goto(path.as_uri())
            yield page
            assert heard == [] or not quiet
            assert asked == [path.as_uri()]
            context.close()

        yield opening


@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (PHONE, "light")])
def test_every_plot_is_drawn_once_and_can_be_read(
    opened: Open, hostile_page: Page, width: int, scheme: str
) -> None:
    figures = [*hostile_page.verdict, *(f for s in hostile_page.sections for f in s.figures)]
    with opened(width, scheme) as page:
        found = page.evaluate(
            """() => [...document.querySelectorAll("figure")].map((figure) => [
                figure.id,
                [...figure.querySelectorAll("svg")].map((svg) => {
                    const box = svg.getBoundingClientRect();
                    const texts = [...svg.querySelectorAll("text")];
                    const sizes = texts.map((text) => text.getBoundingClientRect().height);
                    return [box.width * box.height > 5000, Math.max(0, ...sizes) >= 9];
                }),
            ])"""
        )
        assert [name for name, _ in found] == [figure.name for figure in figures]
        for figure, (_, svgs) in zip(figures, found, strict=True):
            assert [svg for svg in svgs if svg[0]] == [[True, True]] * len(figure.panels)
            assert len(svgs) == sum(1 + (panel.narrow is not None) for panel in figure.panels)


def test_plots_take_the_colours_of_the_page(opened: Open) -> None:
    found = []
    for scheme in ("light", "dark"):
        with opened(WIDE, scheme) as page:
            found.append(
                page.evaluate(
                    """() => [getComputedStyle(document.body).color,
                        getComputedStyle(document.querySelector("#weightings text:last-of-type"))
                            .fill]"""
                )
            )
    (light_ink, light_text), (dark_ink, dark_text) = found
    assert light_ink != dark_ink
    assert light_text != dark_text
    assert "rgb" in light_text


def test_every_table_is_there_whole(opened: Open, hostile_page: Page) -> None:
    with opened() as page:
        page.evaluate("() => document.querySelectorAll('details').forEach((d) => d.open = true)")
        for table in hostile_page.tables:
            size = page.evaluate(
                """(id) => { const table = document.getElementById(id);
                    return [table.tBodies[0].rows.length, table.tHead.rows[0].cells.length,
                            table.getBoundingClientRect().height > 20]; }""",
                table.name,
            )
            assert size == [len(table.rows), len(table.columns), True], table.name
        matrices = page.locator("table.matrix").count()
        assert matrices == len(hostile_page.changes) == 6


def test_on_a_phone_tables_scroll_in_their_box_and_the_page_does_not(opened: Open) -> None:
    with opened(PHONE) as page:
        page.evaluate("() => document.querySelectorAll('details').forEach((d) => d.open = true)")
        page.select_option("#show", "all")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
        page.evaluate("window.scrollTo(50, 0)")
        assert page.evaluate("window.scrollX") == 0
        box = page.locator(".scroll:has(#digests-table)")
        assert box.evaluate("(box) => box.scrollWidth > box.clientWidth")
        box.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("() => document.activeElement.scrollLeft > 0")


def test_the_filter_is_worked_by_keyboard_alone(opened: Open) -> None:
    with opened() as page:
        page.locator("#filter").wait_for(state="visible")
        for _ in range(200):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "second":
                break
        assert page.evaluate("document.activeElement.id") == "second"
        page.keyboard.press("End")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowDown")
        assert page.input_value("#second") == "1"
        assert page.locator(".case").count() > 0
        _assert_verdicts(page, ["pass", "fail"])
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")
        assert page.input_value("#show") == "second"
        _assert_verdicts(page, ["fail", "pass"])
        page.keyboard.press("End")
        assert page.inner_text("#count") == "12 of 12 problems; 10 shown."
        page.keyboard.press("Tab")
        page.keyboard.type("What is 11?")
        assert page.inner_text("#count") == "1 of 12 problems; 1 shown."
        assert page.is_hidden("#more")
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        page.focus("#more")
        page.keyboard.press("Enter")
        assert page.locator(".case").count() == 12
        assert page.evaluate("document.activeElement.className") == "case"


def _assert_verdicts(page, wanted: list[str]) -> None:
    pairs = page.locator(".case").evaluate_all(
        "(cases) => cases.map((one) => "
        "[...one.querySelectorAll('.verdict')].map((verdict) => verdict.textContent))"
    )
    assert pairs
    assert all(pair == wanted for pair in pairs)


def test_what_models_wrote_is_shown_and_does_nothing(opened: Open) -> None:
    with opened() as page:
        page.select_option("#show", "all")
        text = page.locator(".answer pre").first.inner_text()
        assert "</script><script>alert(1)</script><img src=x onerror=alert(2)>" in text
        assert "\\u202e" in text
        assert text.endswith("END")
        assert page.locator("img").count() == 0
        assert page.locator("h1").inner_text() == "<i>title</i>"
        assert page.locator("#first option").count() == ANSWERS


def test_the_page_lets_nothing_else_run_and_asks_nobody(opened: Open) -> None:
    with opened(quiet=False) as page:
        page.evaluate(
            """() => { const one = document.createElement("script");
                one.textContent = "window.evil = 1"; document.body.append(one); }"""
        )
        assert page.evaluate("window.evil") is None
        said = page.evaluate(
            """() => new Promise((resolve) => {
                document.addEventListener("securitypolicyviolation",
                    (event) => resolve(event.effectiveDirective));
                fetch("https://example.org").catch(() => null); })"""
        )
        assert said == "connect-src"


def test_it_prints_in_the_colours_of_paper_without_its_controls(opened: Open) -> None:
    with opened(PAPER, "dark") as page:
        page.emulate_media(media="print")
        assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
        for hidden in ("nav", "#filter", "#more"):
            assert page.locator(hidden).is_hidden()
        assert page.locator("#weightings svg").first.is_visible()
        assert len(page.pdf(format="A4")) > 20_000
