"""Child processes whose end is known."""

from __future__ import annotations

import signal


def heed_children() -> None:
    """Let this process learn how its children end, where whoever started it does not want to.

    A process that ignores SIGCHLD hands that on to what it starts, and the children of that have no
    exit code: whoever waits for one waits for ever, or takes a failure for a success.
    """
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
