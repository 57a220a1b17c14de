"""The Chromium that is there, for the tests of what the report does in a browser."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

VARIABLE = "ADVDISTILL_CHROMIUM"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def chromium() -> str:
    """Return the program's path; the test is skipped where there is none."""
    found = os.environ.get(VARIABLE) or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip(
            f"no Chromium: none of {', '.join(_NAMES)} is installed and {VARIABLE} is unset"
        )
    return found


@contextmanager
def browser() -> Iterator:
    """Yield a headless Chromium."""
    from playwright.sync_api import sync_playwright

    # Chromium's sandbox does not start for root.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=options)
        try:
            yield started
        finally:
            started.close()
