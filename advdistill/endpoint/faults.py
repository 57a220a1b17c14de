"""What a reply that is no answer means: it may pass, it is the prompt's, or it ends the work."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from advdistill.errors import StageError

_PASSING = (408, 409, 425, 429)
"""Beside these, every status from 500 up."""
_OF_THE_PROMPT = (
    "context_length",
    "context length",
    "maximum context",
    "max_model_len",
    "maximum model length",
    "content_filter",
    "content_policy",
    "content management policy",
)
"""Texts, in small letters, with which servers refuse one prompt and no other."""
_NO_MONEY = "insufficient_quota"
_LONGEST_WAIT_SECONDS = 3600.0
_SHOWN = 300


class PassingFault(Exception):  # noqa: N818 (most of them are no errors of the program)
    """A try that failed for a reason that may be gone at the next one."""

    def __init__(self, kind: str, detail: str, *, wait_seconds: float = 0.0) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.wait_seconds = wait_seconds


class Refusal(Exception):  # noqa: N818
    """The prompt will never be answered: it is too long, or its content is not wanted."""


def check_status(status: int, text: str, *, url: str, retry_after: str | None = None) -> None:
    """Raise what the status of a reply means; nothing where it is an answer.

    Raises:
        PassingFault: a later try may do.
        Refusal: the prompt is at fault.
        StageError: no request can do.
    """
    if 200 <= status < 300:
        return
    shown = " ".join(text.split())[:_SHOWN]
    found = f"{url} answered {status} ({shown})"
    small = text.lower()
    if status in (400, 413, 422) and (status == 413 or any(t in small for t in _OF_THE_PROMPT)):
        raise Refusal(shown)
    if status == 429 and _NO_MONEY in small:
        raise StageError(f"{found}; wanted an answer; the account is used up: add to it")
    if status in _PASSING or status >= 500:
        wait = wait_of(retry_after, now=datetime.now(UTC))
        if wait > _LONGEST_WAIT_SECONDS:
            raise StageError(
                f"{found} and asks to wait {wait:.0f} s; wanted at most "
                f"{_LONGEST_WAIT_SECONDS:.0f}; run the same command again later"
            )
        raise PassingFault(f"http {status}", shown, wait_seconds=wait)
    if status in (401, 403):
        raise StageError(
            f"{found}; wanted a key that it takes; correct the environment variable that "
            "key_variable names"
        )
    if status == 404:
        raise StageError(
            f"{found}; wanted a model of this name at this url; correct name or url (GET "
            f"{url}/models lists the models)"
        )
    raise StageError(
        f"{found}; wanted an answer; correct the settings of the teacher, such as url or "
        "request_options (a setting of null there takes a field out of the request)"
    )


def wait_of(retry_after: str | None, *, now: datetime) -> float:
    """Return the seconds that a Retry-After header asks for: a number, or a date.

    One that is neither asks for none.
    """
    if retry_after is None:
        return 0.0
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass_on = retry_after
    try:
        when = parsedate_to_datetime(pass_on)
    except ValueError:
        return 0.0
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - now).total_seconds())
