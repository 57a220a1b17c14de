"""How a child ends is known also below a parent that ignores its children, as Ray's drivers do."""

import signal
import subprocess
import sys

import pytest

ASKS = "sys.exit(subprocess.run(['false']).returncode)"
RUN = f"import subprocess, sys\nfrom advdistill.cli.run import leaving\nwith leaving(): {ASKS}"
VERB = f"""
import subprocess, sys
from advdistill.cli.main import main
main(["--help"])
{ASKS}
"""


@pytest.mark.parametrize("code", [RUN, VERB], ids=["run.py", "advdistill"])
def test_a_child_that_fails_is_no_success(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code],
        preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
        stdout=subprocess.DEVNULL,
    )
    assert done.returncode == 1
