import errno
import json
import multiprocessing
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from advdistill.cache import CURVES, MANIFEST, Cache, Recipe, read_curves, read_sealed
from advdistill.errors import DataError, StageError

RECIPE = Recipe(stage="weigh", version=1, settings={"a": 1, "b": {"c": 2}}, inputs={"pool": "x"})


def write_two(draft: Path) -> dict[str, object]:
    (draft / "deep").mkdir(exist_ok=True)
    (draft / "one.txt").write_text("1")
    (draft / "deep/two.txt").write_text("2")
    return {"line": "two files"}


def never(_: Path) -> dict[str, object]:
    pytest.fail("made again")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def test_a_look_changes_nothing(cache: Cache) -> None:
    assert cache.look(RECIPE) is None
    assert not cache.root.exists()
    made = cache.make(RECIPE, write_two)
    assert cache.look(RECIPE) == replace(made, made=False)
    (made.folder / "one.txt").write_text("2")
    assert cache.look(RECIPE) is None
    assert made.folder.exists()


def test_what_was_made_is_found_and_not_made_again(cache: Cache) -> None:
    assert cache.find(RECIPE) is None
    made = cache.make(RECIPE, write_two)
    found = cache.make(RECIPE, never)
    assert (made.made, found.made) == (True, False)
    assert replace(made, made=False) == found == cache.find(RECIPE)
    assert found.meta == {"line": "two files"}
    assert set(found.files) == {"one.txt", "deep/two.txt"}
    assert [path.name for path in found.folder.parent.glob("*.draft")] == []


@pytest.mark.parametrize(
    "other",
    [
        replace(RECIPE, stage="judge"),
        replace(RECIPE, version=2),
        replace(RECIPE, settings={"a": 1, "b": {"c": 3}}),
        replace(RECIPE, settings={"a": 1}),
        replace(RECIPE, inputs={"pool": "y"}),
        replace(RECIPE, inputs={"pool": "x", "rewards": "z"}),
    ],
)
def test_another_stage_version_setting_or_input_has_another_key(other: Recipe) -> None:
    assert other.key != RECIPE.key


def test_the_order_of_names_is_no_part_of_the_key() -> None:
    turned = replace(RECIPE, settings={"b": {"c": 2}, "a": 1})
    assert turned.key == RECIPE.key


def test_equal_content_has_an_equal_digest_whatever_made_it(cache: Cache) -> None:
    other = replace(RECIPE, settings={})
    assert cache.make(RECIPE, write_two).digest == cache.make(other, write_two).digest


def test_curves_are_kept_but_are_no_content(cache: Cache) -> None:
    def with_curves(draft: Path) -> dict[str, object]:
        (draft / CURVES).write_text('{"step": 1, "loss": 0.5}\n')
        return write_two(draft)

    made = cache.make(replace(RECIPE, settings={}), with_curves)
    assert made.curves == [{"step": 1, "loss": 0.5}]
    assert made.digest == cache.make(RECIPE, write_two).digest
    assert cache.make(RECIPE, never).curves == []


def edit(folder: Path) -> None:
    (folder / "one.txt").write_text("0")


def delete(folder: Path) -> None:
    (folder / "deep/two.txt").unlink()


def delete_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def tear_manifest(folder: Path) -> None:
    path = folder / MANIFEST
    path.write_bytes(path.read_bytes()[:20])


def blank_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text("[]")


def forget_files(folder: Path) -> None:
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    del manifest["files"]
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "damage", [edit, delete, delete_manifest, tear_manifest, blank_manifest, forget_files]
)
def test_a_damaged_artefact_is_moved_aside_and_made_again(
    cache: Cache, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    made = cache.make(RECIPE, write_two)
    damage(made.folder)
    again = cache.make(RECIPE, write_two)
    assert again == made
    assert made.folder.with_name(made.folder.name + ".broken").is_dir()
    assert "moved to" in caplog.text
    assert cache.make(RECIPE, never).digest == made.digest


def test_damage_twice_over_is_moved_aside_twice(cache: Cache) -> None:
    for _ in range(2):
        edit(cache.make(RECIPE, write_two).folder)
    assert cache.make(RECIPE, write_two).made


class KilledError(BaseException):
    """Stands for a kill."""


def test_the_draft_of_a_killed_maker_is_found_by_the_next(cache: Cache) -> None:
    def killed(draft: Path) -> dict[str, object]:
        (draft / "shard0").write_text("kept")
        raise KilledError

    def goes_on(draft: Path) -> dict[str, object]:
        assert (draft / "shard0").read_text() == "kept"
        (draft / "shard1").write_text("new")
        return {}

    with pytest.raises(KilledError):
        cache.make(RECIPE, killed)
    assert cache.find(RECIPE) is None
    assert set(cache.make(RECIPE, goes_on).files) == {"shard0", "shard1"}


@pytest.mark.parametrize("before_rename", [False, True])
def test_a_draft_sealed_or_half_sealed_before_the_kill_is_sealed_anew(
    cache: Cache, before_rename: bool
) -> None:
    made = cache.make(RECIPE, write_two)
    draft = made.folder.with_name(made.folder.name + ".draft")
    made.folder.replace(draft)
    if not before_rename:
        tear_manifest(draft)
    assert cache.find(RECIPE) is None
    assert cache.make(RECIPE, write_two).digest == made.digest


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_or_locked_disk_is_told_with_its_remedy_and_the_draft_kept(
    cache: Cache, number: int
) -> None:
    def runs_full(draft: Path) -> dict[str, object]:
        (draft / "shard0").write_text("kept")
        raise OSError(number, "no luck")

    with pytest.raises(StageError) as caught:
        cache.make(RECIPE, runs_full)
    for part in ("stage 'weigh'", str(cache.root), "no luck", "wanted a folder", "outputs=FOLDER"):
        assert part in str(caught.value)
    (draft,) = (cache.root / "weigh").glob("*.draft")
    assert (draft / "shard0").read_text() == "kept"
    assert cache.make(RECIPE, write_two).made


def test_a_librarys_own_error_of_a_full_disk_is_known_by_its_words(cache: Cache) -> None:
    def runs_full(_: Path) -> dict[str, object]:
        raise RuntimeError("I/O error: No space left on device (os error 28)")

    with pytest.raises(StageError, match="free space"):
        cache.make(RECIPE, runs_full)


def test_a_root_that_cannot_be_a_folder_is_told_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StageError, match="write permission"):
        Cache(tmp_path / "file" / "cache").make(RECIPE, never)


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        OSError(errno.ECONNRESET, "reset"),
        DataError("answers.jsonl:1: cannot be read ([Errno 13] Permission denied)"),
    ],
)
def test_other_errors_pass_through(cache: Cache, error: Exception) -> None:
    def fails(_: Path) -> dict[str, object]:
        raise error

    with pytest.raises(type(error)) as caught:
        cache.make(RECIPE, fails)
    assert caught.value is error


def make_and_count(root: Path, ready: object, log: Path) -> None:
    def counted(draft: Path) -> dict[str, object]:
        with log.open("a") as file:
            file.write("made\n")
        return write_two(draft)

    ready.wait()  # type: ignore[attr-defined]
    artefact = Cache(root).make(RECIPE, counted)
    with log.open("a") as file:
        file.write(f"{artefact.digest}\n")


def test_processes_that_need_the_same_artefact_make_it_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(3)
    log = tmp_path / "log"
    workers = [
        context.Process(target=make_and_count, args=(tmp_path / "cache", ready, log))
        for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    lines = log.read_text().split()
    assert lines.count("made") == 1
    assert len(set(lines) - {"made"}) == 1


def test_a_lock_left_behind_by_a_kill_holds_up_no_one(cache: Cache) -> None:
    made = cache.make(RECIPE, write_two)
    shutil.rmtree(made.folder)
    Path(f"{made.folder}.lock").touch()
    assert cache.make(RECIPE, write_two).made


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", []),
        ('{"step": 1, "a": 1}\n{"step": 2, "a"', [{"step": 1, "a": 1}]),
        (
            '{"step": 2, "a": 1, "b": 3}\n{"step": 1, "a": 1}\n{"step": 2, "a": 2}\n',
            [{"step": 1, "a": 1}, {"step": 2, "a": 2, "b": 3}],
        ),
        ('{"step": 2, "a"\n{"step": 2, "a": 2}\n', [{"step": 2, "a": 2}]),
    ],
)
def test_curves_lose_a_torn_line_and_keep_the_later_of_two_equal_steps(
    tmp_path: Path, text: str, wanted: list[dict[str, float]]
) -> None:
    path = tmp_path / CURVES
    path.write_text(text)
    assert read_curves(path) == wanted


def test_who_made_an_artefact_stays_with_it(cache: Cache) -> None:
    made = Cache(cache.root, cell="first").make(RECIPE, write_two)
    Cache(cache.root, cell="second").make(RECIPE, never)
    sealed = read_sealed(made.folder)
    assert sealed is not None
    assert sealed.making is not None
    assert (sealed.making.cell, sealed.digest, sealed.stage) == ("first", made.digest, "weigh")


def test_who_only_looks_is_told_of_damage_and_moves_nothing(cache: Cache) -> None:
    folder = cache.make(RECIPE, write_two).folder
    (folder / "one.txt").write_text("2")
    (folder / "deep/two.txt").unlink()
    sealed = read_sealed(folder)
    assert sealed is not None
    assert sealed.damaged() == ["deep/two.txt", "one.txt"]
    assert folder.is_dir()
    (folder / MANIFEST).write_text("{")
    assert read_sealed(folder) is None
