"""SIGKILL while a pool is filled: nothing that was registered is lost, asked again or there twice.

`python -m benchmarks.pool_crash` kills at many more moments.
"""

from pathlib import Path

import pytest

from benchmarks.pool_crash import (
    Reference,
    after_the_first_shard,
    before_it_has_a_name,
    kill_and_finish,
    undisturbed,
)

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A run that was let alone."""
    return undisturbed("transformers", tmp_path_factory.mktemp("pool") / "undisturbed")


@pytest.mark.parametrize(
    "share",
    [
        pytest.param(0.0, id="first shard", marks=pytest.mark.long),
        pytest.param(0.5, id="half way"),
    ],
)
def test_a_pool_that_was_killed_is_filled_by_the_same_command(
    whole: Reference, tmp_path: Path, share: float
) -> None:
    moment = after_the_first_shard(share * whole.seconds_filling)
    kill = kill_and_finish(whole, tmp_path / "killed", "in the filling", moment)
    assert kill.faults == []
    assert kill.landed
    assert kill.registered >= 1


def test_a_kill_between_the_writing_of_a_shard_and_its_name(
    whole: Reference, tmp_path: Path
) -> None:
    kill = kill_and_finish(whole, tmp_path / "killed", "unnamed", before_it_has_a_name(3))
    assert kill.faults == []
    assert kill.unnamed
    assert 3 <= kill.registered < 6
