"""What a machine works with, as people write it."""

from __future__ import annotations

import os
import platform
import re
from collections import Counter
from pathlib import Path

from advdistill.gpus import visible_devices

_CPU = Path("/proc/cpuinfo")


def hardware_here() -> str:
    """Return the GPUs that CUDA may use, else the CPU and how many of its cores are ours."""
    models = Counter(device.model for device in visible_devices())
    gpus = ", ".join(f"{count} x {model}" for model, count in models.items())
    return gpus or f"{len(os.sched_getaffinity(0))} cores of {_cpu()}"


def _cpu() -> str:
    """Return the processor's own name where the system tells it, else its kind."""
    found = re.search(r"^model name\s*: (.+)$", _CPU.read_text(), re.M) if _CPU.exists() else None
    return found[1].strip() if found else platform.machine()
