"""Measures the main job from an empty outputs folder: wall time, peak memory, the final table.

python -m benchmarks.quickstart [OVERRIDE ...]
"""

import os
import resource
import subprocess
import sys
import tempfile
import time


def main() -> None:
    """Print what `python run.py` prints, then its wall time and peak memory."""
    with tempfile.TemporaryDirectory() as outputs:
        started = time.monotonic()
        subprocess.run(
            [sys.executable, "run.py", f"outputs={outputs}", *sys.argv[1:]],
            check=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )
        seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"\nwall time {seconds:.0f} s, peak memory of the largest process {peak:.2f} GiB")


if __name__ == "__main__":
    main()
