"""What a check found, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

Subject = TypeVar("Subject", contravariant=True)


class Health(StrEnum):
    """How a check ended."""

    good = "good"
    doubtful = "doubtful"
    """It may be meant so."""
    bad = "bad"
    """The run would fail, or its numbers be wrong."""
    skipped = "skipped"
    """What it looks at is not there, or not asked for."""
    crashed = "crashed"
    """The check itself failed; what it looks at is not known."""


FAILING = (Health.bad, Health.crashed)


@dataclass(frozen=True, slots=True)
class Finding:
    """One result."""

    health: Health
    found: str
    remedy: str | None = None


def good(found: str) -> Finding:
    """Return that all is well."""
    return Finding(Health.good, found)


def doubtful(found: str, remedy: str) -> Finding:
    """Return what may be meant so."""
    return Finding(Health.doubtful, found, remedy)


def bad(found: str, remedy: str) -> Finding:
    """Return what must be put right."""
    return Finding(Health.bad, found, remedy)


def skipped(why: str) -> Finding:
    """Return that there is nothing to look at."""
    return Finding(Health.skipped, why)


class MissingError(Exception):
    """What a check looks at could not be had; another check says why."""


Look = Callable[[Subject], Finding]
