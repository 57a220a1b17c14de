from importlib.util import find_spec

import pytest

from advdistill.errors import ConfigError
from advdistill.interfaces import Sharding
from advdistill.launching import check_processes


def test_one_of_several_launched_processes_is_sent_to_the_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_processes(2, Sharding.fsdp)
    check_processes(1, Sharding.none)
    monkeypatch.setenv("WORLD_SIZE", "2")
    for processes in (1, 2):
        with pytest.raises(ConfigError, match=r"WORLD_SIZE=2.*runtime\.processes=NUMBER"):
            check_processes(processes, Sharding.none)


@pytest.mark.parametrize("sharding", [Sharding.fsdp, Sharding.deepspeed])
def test_one_process_has_nothing_to_share(sharding: Sharding) -> None:
    with pytest.raises(ConfigError, match=f"sharding is {sharding} with processes 1"):
        check_processes(1, sharding)


@pytest.mark.skipif(find_spec("deepspeed") is not None, reason="DeepSpeed is installed")
def test_deepspeed_has_to_be_installed() -> None:
    with pytest.raises(ConfigError, match=r"pip install deepspeed, or give runtime=fsdp"):
        check_processes(2, Sharding.deepspeed)
