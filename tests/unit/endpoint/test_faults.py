"""How long a server asks to wait."""

from datetime import UTC, datetime

import pytest

from advdistill.endpoint.faults import wait_of

NOW = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (None, 0.0),
        ("3", 3.0),
        ("0.25", 0.25),
        ("-1", 0.0),
        ("Fri, 27 Nov 2026 12:00:09 GMT", 9.0),
        ("Fri, 27 Nov 2026 13:00:09 +0100", 9.0),
        ("Fri, 27 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", 0.0),
        ("nan", 0.0),
        ("", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(given: str | None, seconds: float) -> None:
    assert wait_of(given, now=NOW) == seconds
