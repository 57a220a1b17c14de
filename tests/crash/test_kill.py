"""SIGKILL in mid-stage: the same command goes on and ends as if nothing had happened.

`python -m benchmarks.crash` kills at many more moments.
"""

import shutil
from pathlib import Path

import pytest

from benchmarks.crash import kill_and_resume
from tests.integration.runs import STAGES, copy_of, digests, folder_of, succeed, wait_for

TEACHER, BASE, STUDENT = "evaluate/teacher", "evaluate/base", "evaluate/student"


@pytest.mark.parametrize(
    ("stage", "moment", "count", "left"),
    [
        pytest.param(
            "sample", "pool/*/*.parquet", 3, ["sample"], id="sampling", marks=pytest.mark.long
        ),
        pytest.param(
            "train",
            "cache/train/*.draft/checkpoints/step00006/manifest.json",
            1,
            ["train"],
            id="training",
        ),
        pytest.param(TEACHER, "cache/evaluate/*.draft", 1, [TEACHER, STUDENT], id="evaluation"),
    ],
)
def test_a_killed_run_goes_on(
    finished: Path, tmp_path: Path, stage: str, moment: str, count: int, left: list[str]
) -> None:
    outputs = copy_of(finished, tmp_path, without=left)
    kill = kill_and_resume(
        finished, outputs, lambda process: wait_for(process, outputs, moment, count=count)
    )
    assert kill.faults == []
    assert kill.kept.in_flight == stage
    assert len(kill.kept.artefacts) == len(STAGES) - len(left)
    assert stage != "sample" or len(kill.kept.shards) >= 3
    assert stage != "train" or kill.kept.step >= 6


def test_a_kill_between_the_last_byte_and_the_manifest(finished: Path, tmp_path: Path) -> None:
    outputs = copy_of(finished, tmp_path)
    student, pool = (back_to_draft(folder_of(outputs, name)) for name in ("train", "sample"))
    (student / "checkpoints" / "step00012").mkdir(parents=True)
    (student / "manifest.json").unlink()
    weights = (student / "model" / "model.safetensors").stat()
    (pool / "manifest.json").unlink()
    shards = [path.stat() for path in stored(outputs)]
    assert succeed(outputs).made == ["sample", "train"]
    assert digests(outputs) == digests(finished)
    kept = folder_of(outputs, "train") / "model" / "model.safetensors"
    assert same_file(kept.stat(), weights)
    assert all(map(same_file, [path.stat() for path in stored(outputs)], shards))


def test_torn_shards_are_sampled_again_and_whole_ones_are_not(
    finished: Path, tmp_path: Path
) -> None:
    outputs = copy_of(finished, tmp_path)
    back_to_draft(folder_of(outputs, "sample"))
    first, torn, unnamed, *others = stored(outputs)
    whole = [first, *others]
    before = [path.stat() for path in whole]
    torn.write_bytes(torn.read_bytes()[:-100])
    shutil.move(unnamed, unnamed.with_name("shard.draft"))
    assert succeed(outputs).made == ["sample"]
    assert digests(outputs) == digests(finished)
    assert all(map(same_file, [path.stat() for path in whole], before))
    assert [path.name for path in stored(outputs)] == [path.name for path in stored(finished)]
    assert torn.with_suffix(".broken").exists()


def stored(outputs: Path) -> list[Path]:
    """Return the shards of answers that lie in the store."""
    return sorted(outputs.glob("pool/*/*.parquet"))


def back_to_draft(folder: Path) -> Path:
    """Give a finished artefact the name it had before it was finished."""
    return folder.rename(folder.with_name(f"{folder.name}.draft"))


def same_file(one, other) -> bool:
    """Return whether a file was never written anew."""
    return (one.st_ino, one.st_mtime_ns) == (other.st_ino, other.st_mtime_ns)
