"""Where an endpoint is, and how it is treated; nothing here changes an answer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from advdistill.errors import ConfigError

WINDOW_SECONDS = 60.0
"""The limits are per minute."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A server, the way to its key, and the limits that hold for all requests to it."""

    url: str
    """Up to and with the version, such as `http://127.0.0.1:8000/v1`."""
    key_variable: str | None
    """The environment variable that holds the key; None sends none."""
    concurrency: int
    """Requests under way at a time."""
    requests_per_minute: int | None
    tokens_per_minute: int | None
    """Of prompts and answers, each request counted by what it could use at most."""
    deadline_seconds: float
    """For a request, from the first byte sent to the last one read."""
    retries: int
    """Of a request, after the first try."""
    backoff_seconds: float
    """The longest wait before the first retry; doubled for each one after it, up to a minute."""
    prompt_price: float | None
    """Of a million tokens; None leaves the cost unknown."""
    completion_price: float | None
    window_seconds: float = WINDOW_SECONDS

    def __post_init__(self) -> None:
        """Check the ranges."""
        _check_url(self.url)
        for name, least in (
            ("concurrency", 1),
            ("requests_per_minute", 1),
            ("tokens_per_minute", 1),
            ("retries", 0),
            ("backoff_seconds", 0),
            ("prompt_price", 0),
            ("completion_price", 0),
        ):
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise ConfigError(f"{name} is {value}; wanted at least {least}")
        if not self.deadline_seconds > 0:
            raise ConfigError(f"deadline_seconds is {self.deadline_seconds}; wanted more than 0")

    def key(self) -> str | None:
        """Return the key, or None where none is wanted.

        Raises:
            ConfigError: the variable is not set, or holds what cannot be a key.
        """
        if self.key_variable is None:
            return None
        key = os.environ.get(self.key_variable, "").strip()
        # A header's error message would hold the whole key.
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigError(
                f"the environment variable {self.key_variable} holds "
                f"{'no key' if not key else 'blanks or signs that no key has'}; wanted the key "
                f"of {self.url}; export {self.key_variable}=KEY, or set key_variable=null for a "
                "server without one"
            )
        return key


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        plain = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        parts, plain = urlsplit(""), False
    if parts.username is not None or parts.password is not None or parts.query:
        raise ConfigError(  # the url is left out: it may hold a secret
            "url holds a user, a password or a query; wanted none, since a setting is stored with "
            "the run; put the key into an environment variable and name it in key_variable"
        )
    if not plain or parts.fragment:
        raise ConfigError(f"url is '{url}'; wanted one such as http://127.0.0.1:8000/v1")
