"""What can go wrong, in three kinds.

Every message names the thing, what was found, what was wanted and the remedy.
"""


class AdvDistillError(Exception):
    """Any error whose message is meant for the person at the terminal."""


class ConfigError(AdvDistillError, ValueError):
    """A setting is wrong; nothing has been spent."""


class DataError(AdvDistillError, ValueError):
    """Data that came from outside is wrong."""


class StageError(AdvDistillError, RuntimeError):
    """A stage could not finish; what it had stored is whole."""
