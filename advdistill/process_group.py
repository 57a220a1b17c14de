"""What a process of ours starts in its turn ends with it, and with us, whatever ends either.

An engine may start processes of its own, which hold its memory and do not notice that the one that
started them was killed: vLLM's do not (https://github.com/vllm-project/vllm/issues/55510).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

_WARDEN = 'read -r _; kill -s KILL -- "-$0"'
"""Waits for the end of its standard input, which nobody writes to, and ends the group then."""


def lead_group() -> None:
    """Make what this process starts belong to it; Ctrl-C reaches none of them any more."""
    os.setpgid(0, 0)


@contextmanager
def ended_group(leader: int) -> Iterator[None]:
    """End all processes of this leader's group when the block ends, or when this process does."""
    reading, writing = os.pipe()
    try:
        warden = subprocess.Popen(
            ["/bin/sh", "-c", _WARDEN, str(leader)],
            stdin=reading,
            stderr=subprocess.DEVNULL,  # there may be none left
            process_group=0,
        )
    finally:
        os.close(reading)
    try:
        yield
    finally:
        os.close(writing)
        warden.wait()
