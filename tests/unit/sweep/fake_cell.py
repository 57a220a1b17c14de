"""Stands in for the process of a cell: ends as the file `way` in the cell's folder says."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from advdistill.sweep.following import tell


def main(folder: str, number: str) -> None:
    cell = Path(folder)
    way = (cell / "way").read_text()
    (cell / "device").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
    if way == "hangs":
        child = subprocess.Popen(["sleep", "600"])
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        (cell / "noted").write_text(f"{os.getpid()} {child.pid}")
        (cell / "noted").rename(cell / "pids")
        time.sleep(600)
    if way == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "fails":
        tell(cell, int(number), "StageError: no luck", refused=True)
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
