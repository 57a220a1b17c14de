"""Fixtures of all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says something of the machine, not of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data; tests that want it are skipped where it is not there."""
    folder = os.environ.get("ADVDISTILL_DATA")
    if not folder:
        pytest.skip("ADVDISTILL_DATA is not set")
    return Path(folder)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a random two-layer model with a byte tokenizer."""
    from tests.tiny import tiny_model

    return tiny_model(tmp_path_factory.mktemp("tiny"))
