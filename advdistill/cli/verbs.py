"""Verbs of commands: each is a module, and a slip in its name is told with what was meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from advdistill.errors import ConfigError


def known_verb(verb: str, verbs: Collection[str], *, of: str = "") -> str:
    """Return the verb if there is one of that name; `of` is the command that it belongs to.

    Raises:
        ConfigError: there is none; the nearest one is named.
    """
    if verb in verbs:
        return verb
    before = f"{of} " if of else ""
    near = get_close_matches(verb, verbs, n=1)
    hint = f"; did you mean '{before}{near[0]}'?" if near else ""
    raise ConfigError(f"unknown verb '{before}{verb}'{hint} (known: {', '.join(verbs)})")
