"""Engines that tests of several modules share."""

import pytest

from tests.unit.engine.engines import Engine, opened


@pytest.fixture(scope="session")
def random_engine(tiny: str) -> Engine:
    """A random model, whose answers never end by themselves soon."""
    return opened(tiny)


@pytest.fixture(scope="session")
def trained_engine() -> Engine:
    """A trained model, whose answers end."""
    return opened("builtin:tiny_teacher")
