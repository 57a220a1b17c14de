"""`pool gc` lists first, and leaves what somebody holds or uses."""

import json
from pathlib import Path

import pytest
from filelock import FileLock

from advdistill.cli.pool import main
from advdistill.errors import ConfigError, DataError
from tests.unit.cli.stores import damage, filled, rows_in, state

Said = pytest.CaptureFixture[str]


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


def littered(outputs: Path) -> tuple[Path, list[Path]]:
    """Return a store, and what killed writers left in it."""
    folder = filled(outputs)
    (folder / "claims").mkdir()
    litter = [
        folder / "shard.draft",
        folder / "shard.draft.tmp",
        folder / "about.json.draft",
        folder / "claims" / "a.lock",
    ]
    for path in litter:
        path.write_bytes(b"x" * 10)
    return folder, litter


def gc(outputs: Path, *options: str) -> int:
    return main(["gc", *options, f"outputs={outputs}"])


def test_without_yes_nothing_goes(outputs: Path, capsys: Said) -> None:
    folder, litter = littered(outputs)
    before = state(outputs).keys()
    assert gc(outputs) == 0
    said = capsys.readouterr().out
    assert all(str(path) in said for path in litter)
    assert said.splitlines()[-1].startswith("4 found = 4 to be removed by --yes (")
    assert gc(outputs, "--unused") == 0
    assert f"  {folder}\n" in capsys.readouterr().out
    assert state(outputs).keys() == before


def test_leftovers_go_and_answers_stay(outputs: Path, capsys: Said) -> None:
    folder, litter = littered(outputs)
    rows = rows_in(folder)
    assert gc(outputs, "--yes") == 0
    assert "4 found = 4 removed" in capsys.readouterr().out
    assert not any(path.exists() for path in litter)
    assert rows_in(folder) == rows
    assert gc(outputs, "--yes") == 0
    assert "0 found" in capsys.readouterr().out


def test_what_a_process_holds_stays(outputs: Path, capsys: Said) -> None:
    folder, litter = littered(outputs)
    with FileLock(folder / "register.lock"), FileLock(litter[-1]):
        assert gc(outputs, "--yes", "--unused") == 0
    assert "0 found" in capsys.readouterr().out
    assert all(path.exists() for path in litter)


def test_broken_shards_go_only_if_asked_for(outputs: Path) -> None:
    folder = filled(outputs)
    shard = damage(folder)
    broken = shard.rename(shard.with_suffix(".broken"))
    gc(outputs, "--yes")
    assert broken.exists()
    gc(outputs, "--yes", "--broken")
    assert not broken.exists()


def test_a_used_store_stays(outputs: Path, capsys: Said) -> None:
    used = filled(outputs)
    unused = filled(outputs, (0,), "teacher.temperature=0.5")
    manifest = outputs / "cache" / "sample" / "k" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"meta": {"stores": [used.name]}}))
    assert gc(outputs, "--unused", "--yes") == 0
    assert (used.exists(), unused.exists()) == (True, False)
    manifest.write_text("{")
    with pytest.raises(DataError, match="not known which stores"):
        gc(outputs, "--unused", "--yes")
    assert used.exists()


def test_no_store_goes_while_a_run_makes_a_pool(outputs: Path) -> None:
    folder = filled(outputs)
    lock = outputs / "cache" / "sample" / "k.lock"
    lock.parent.mkdir(parents=True)
    with FileLock(lock), pytest.raises(ConfigError, match="makes a pool of answers"):
        gc(outputs, "--unused", "--yes")
    assert folder.exists()
