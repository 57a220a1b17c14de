"""The page as one HTML file that asks for nothing, and its tables in Markdown and LaTeX."""

from __future__ import annotations

import base64
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from advdistill.cache import writing
from advdistill.errors import ConfigError
from advdistill.report.marking import latex_text, markdown_text
from advdistill.report.page import Page
from advdistill.report.readable import readable

HTML, MARKDOWN, LATEX = ".html", ".md", ".tex"


def write_report(page: Page, path: Path) -> tuple[Path, ...]:
    """Write the page, and its tables beside it; return the files.

    Raises:
        ConfigError: the path is not that of an HTML file.
        StageError: the files cannot be written.
    """
    check_path(path)
    texts = {
        path: html(page),
        path.with_suffix(MARKDOWN): markdown(page),
        path.with_suffix(LATEX): latex(page),
    }
    with writing("the report", path.resolve().parent):
        path.resolve().parent.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            draft = file.with_name(f"{file.name}.tmp")
            draft.write_text(text, encoding="utf-8", newline="\n")
            draft.replace(file)
    return tuple(texts)


def check_path(path: Path) -> None:
    """Refuse a path that is not that of an HTML file.

    Raises:
        ConfigError: it ends otherwise.
    """
    if path.suffix != HTML:
        raise ConfigError(
            f"report: {path} does not end in {HTML}; wanted such a name; give -o FILE{HTML}"
        )


def html(page: Page) -> str:
    """Return the whole file; its policy lets run the script in it and nothing else."""
    style, script = _asset("report.css"), _asset("report.js")
    policy = (
        f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    environment = _environment(escaped=True)
    environment.filters["drawn"] = Markup  # what `ink` made; it escaped what it was given
    return environment.get_template("report.html.jinja").render(
        page=page,
        policy=policy,
        style=Markup(style),
        script=Markup(script),
        answers=Markup(page.answers.data),
    )


def markdown(page: Page) -> str:
    """Return the sentences and every table."""
    environment = _environment(escaped=False)
    environment.filters["plain"] = markdown_text
    return environment.get_template("report.md.jinja").render(page=page)


def latex(page: Page) -> str:
    """Return every table, for a document that loads booktabs."""
    environment = _environment(escaped=False)
    environment.filters["plain"] = latex_text
    return environment.get_template("report.tex.jinja").render(page=page)


def _asset(name: str) -> str:
    return (files("advdistill.report") / "templates" / name).read_text(encoding="utf-8").strip()


def _source(text: str) -> str:
    """Return how a policy names this text and no other."""
    digest = sha256(f"\n{text}\n".encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _environment(*, escaped: bool) -> Environment:
    return Environment(
        loader=PackageLoader("advdistill.report"),
        autoescape=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: readable(value) if type(value) is str else value,
    )
