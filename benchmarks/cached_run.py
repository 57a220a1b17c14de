"""How long a run takes of which everything is done already, and the help page.

`python -m benchmarks.cached_run --outputs FOLDER +experiment=...`; without a folder, a small run is
made first. Medians of warm calls.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUN = str(Path(__file__).resolve().parents[1] / "run.py")


def seconds_of(arguments: list[str]) -> float:
    """Return how long one call of run.py takes."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, RUN, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"run.py {' '.join(arguments)} failed: {done.stderr}")
    return time.perf_counter() - begun


def measure(what: str, arguments: list[str], calls: int) -> None:
    """Print the median of the calls after one that warms up."""
    first = seconds_of(arguments)
    times = [seconds_of(arguments) for _ in range(calls)]
    print(
        f"{what:<12} median {statistics.median(times):.2f} s of {calls} "
        f"({min(times):.2f} to {max(times):.2f}); the call before them {first:.2f} s"
    )


def main() -> None:
    """Print both medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outputs", type=Path)
    parser.add_argument("--calls", type=int, default=5)
    given, overrides = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        outputs = (given.outputs or Path(folder) / "outputs").absolute()
        if given.outputs is None:
            overrides += ["+experiment=quickstart_small", "tracking=none"]
        measure("cached run", [f"outputs={outputs}", *overrides], given.calls)
        measure("--help", ["--help"], given.calls)


if __name__ == "__main__":
    main()
