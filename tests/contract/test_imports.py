"""What the light modules may not drag in: they run where no heavy library is installed."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "wandb", "lm_eval", "datasets", "vllm", "scipy", "reasoning_gym")
LIGHT = ("advdistill.stages", "advdistill.pipeline", "advdistill.config", "advdistill.tracking")


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_module_imports_no_heavy_library(module: str) -> None:
    program = f"import sys, {module}; print([n for n in {HEAVY} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_planning_a_run_imports_neither_engine_nor_tracker() -> None:
    program = (
        "import sys; from tests.builders import composed; from advdistill.config import plan_of; "
        "import tempfile; folder = tempfile.mkdtemp(); "
        "plan_of(composed(f'outputs={folder}'), {}); "
        "print([n for n in ('transformers', 'wandb', 'lm_eval', 'datasets') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
