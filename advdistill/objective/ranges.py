"""The check that every objective makes of its settings."""

from __future__ import annotations

from advdistill.errors import ConfigError


def check_ranges(objective: str, *ranges: tuple[str, float | None, bool, str]) -> None:
    """Do nothing if every setting, given as (name, value, whether it is fine, wanted), is fine.

    Raises:
        ConfigError: one is not.
    """
    for name, value, fine, wanted in ranges:
        if not fine:
            raise ConfigError(f"objective '{objective}': {name} is {value}; wanted {wanted}")
