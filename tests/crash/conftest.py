"""One finished run for all tests of this folder."""

from pathlib import Path

import pytest

from tests.integration.runs import finished_run


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The outputs folder of a finished, tracked run; never to be written."""
    return finished_run(tmp_path_factory.getbasetemp())[0]
