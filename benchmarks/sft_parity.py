"""Whether uniform weights train as TRL's SFTTrainer does: the loss of each step on the same rows.

`python -m benchmarks.sft_parity` needs ADVDISTILL_DATA and the extra `bench`. TRL's arm is not
packed, so that each of its steps holds the very rows of a step here.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.training import run_arm
from benchmarks.training_arms import Task
from benchmarks.training_rows import write_student

LIMIT = 1e-5
ARMS = ("padded", "plain", "shared")


def main() -> int:
    """Print the losses and the largest relative difference; 1 where it is above the limit."""
    with tempfile.TemporaryDirectory() as folder:
        write_student(Path(folder), "body", "gsm8k")
        task = Task(
            arm="trl_padded",
            folder=folder,
            source="gsm8k",
            samples=4,
            batch_prompts=2,
            steps=10,
            row_tokens=2048,
        )
        wanted = run_arm(task)["losses"]
        print("TRL     ", *(f"{loss:.7f}" for loss in wanted))
        worst = 0.0
        for arm in ARMS:
            losses = run_arm(task, arm=arm)["losses"]
            gaps = [abs(a - b) / b for a, b in zip(losses, wanted, strict=True)]
            worst = max(worst, *gaps)
            print(f"{arm:8s}", *(f"{loss:.7f}" for loss in losses), f"largest gap {max(gaps):.1e}")
    print(f"largest relative difference {worst:.1e}; wanted at most {LIMIT:.0e}")
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
