import io
import sys
import time

import pytest

from advdistill.progress import LINE_EVERY_SECONDS, _Lines, progress_of


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def started_ago(seconds: float) -> _Lines:
    then = time.monotonic() - seconds
    return _Lines("train", started=then, shown=then)


def test_a_line_tells_rate_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    started_ago(20.0).update(40, 100)
    assert capsys.readouterr().err == "train     40/100, 2.0/s, 30 s left\n"


def test_a_line_comes_only_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    lines = started_ago(LINE_EVERY_SECONDS + 1)
    for done in range(1, 50):
        lines.update(done, 100)
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(("seconds", "done"), [(1.0, 5), (60.0, 0)])
def test_a_short_stage_and_one_that_did_nothing_yet_say_nothing(
    capsys: pytest.CaptureFixture[str], seconds: float, done: int
) -> None:
    started_ago(seconds).update(done, 100)
    assert capsys.readouterr().err == ""


def test_where_no_terminal_is_lines_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_of("load") as progress:
        assert isinstance(progress, _Lines)


def test_a_terminal_has_a_bar_with_the_count_that_goes_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with progress_of("train") as progress:
        progress.update(3, 8)
        progress.update(8, 8)
    assert "train" in terminal.getvalue()
    assert "8/8" in terminal.getvalue()
    assert terminal.getvalue().rstrip("\r\n").endswith("\x1b[2K")
