"""The store keeps each answer once, whole, and says where it is."""

import json
from pathlib import Path

import pytest

from advdistill.digests import digest_of_file
from advdistill.errors import DataError, StageError
from advdistill.interfaces import EVERY
from advdistill.pool.about import store_folder
from advdistill.pool.shards import read_shard, shards_of
from advdistill.pool.store import open_store
from tests.unit.pool.stores import ABOUT, asked, rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return store_folder(tmp_path, ABOUT)


def test_answers_come_back_in_the_order_of_what_is_asked(folder: Path) -> None:
    one, other = asked(2)
    with open_store(folder, ABOUT) as store:
        store.add(rows(one, [2, 3]))
        store.add([*rows(other, [0]), *rows(one, [0, 1])])
        found = store.rows([(other.key, EVERY), (one.key, range(1, 4)), ("none", EVERY)])
    texts = [[row.text for row in group] for group in found]
    assert texts == [["n/train/1#0"], ["n/train/0#1", "n/train/0#2", "n/train/0#3"], []]


def test_an_answer_that_is_there_is_not_added_again(folder: Path) -> None:
    (one,) = asked(1)
    with open_store(folder, ABOUT) as store:
        assert store.add(rows(one, [0, 1])) == 2
        assert store.add(rows(one, [1, 2])) == 1
        assert store.add(rows(one, [0, 1, 2])) == 0
        assert (store.samples(one.key), store.count()) == ([0, 1, 2], 3)
    assert len(shards_of(folder)) == 2


def test_what_is_stored_is_there_when_it_is_opened_again(folder: Path) -> None:
    (one,) = asked(1)
    with open_store(folder, ABOUT) as store:
        store.add(rows(one, [0, 1]))
    with open_store(folder, ABOUT) as store:
        assert store.rows([(one.key, EVERY)]) == [rows(one, [0, 1])]
        assert list(store.groups()) == [rows(one, [0, 1])]


def test_two_who_have_it_open_see_each_others_answers(folder: Path) -> None:
    one, other = asked(2)
    with open_store(folder, ABOUT) as mine, open_store(folder, ABOUT) as yours:
        mine.add(rows(one, [0]))
        assert yours.add([*rows(one, [0]), *rows(other, [0])]) == 1
        mine.refresh()
        assert mine.samples(other.key) == [0]
    assert len(shards_of(folder)) == 2


def test_a_shard_has_the_name_of_its_bytes(folder: Path) -> None:
    (one,) = asked(1)
    with open_store(folder, ABOUT) as store:
        store.add(rows(one, [0]))
    (path,) = shards_of(folder)
    assert digest_of_file(path)[:32] == path.stem
    assert read_shard(path) == rows(one, [0])


def test_a_draft_that_a_killed_process_left_is_no_shard_and_goes(folder: Path) -> None:
    (one,) = asked(1)
    with open_store(folder, ABOUT) as store:
        (folder / "shard.draft").write_bytes(b"PAR1 torn")
        store.add(rows(one, [0]))
    assert not list(folder.glob("*.draft"))


def test_a_copy_of_a_shard_under_the_name_of_other_bytes_is_put_aside(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (one,) = asked(1)
    with open_store(folder, ABOUT) as store:
        store.add(rows(one, [0]))
    (path,) = shards_of(folder)
    path.rename(folder / f"{'0' * 32}.parquet")
    with open_store(folder, ABOUT) as store:
        assert store.samples(one.key) == []
        store.add(rows(one, [0]))
        assert store.samples(one.key) == [0]
    assert "its bytes are not those that its name says; kept as" in caplog.text
    assert [file.stem for file in folder.glob("*.broken")] == ["0" * 32]


def test_two_shards_that_hold_one_answer_are_refused(folder: Path, tmp_path: Path) -> None:
    one, other = asked(2)
    second = store_folder(tmp_path / "elsewhere", ABOUT)
    for place, questions in ((folder, [one]), (second, [one, other])):
        with open_store(place, ABOUT) as store:
            store.add([row for question in questions for row in rows(question, [0])])
    (path,) = shards_of(second)
    path.rename(folder / path.name)
    with pytest.raises(StageError, match="holds an answer that another shard of this store holds"):
        open_store(folder, ABOUT).__enter__()


def test_a_store_of_other_things_is_refused(folder: Path) -> None:
    with open_store(folder, ABOUT):
        pass
    (folder / "about.json").write_text(json.dumps({"teacher": "another"}))
    with (
        pytest.raises(DataError, match=r"about\.json: is not about these answers; wanted"),
        open_store(folder, ABOUT),
    ):
        pass


def test_a_claim_is_one_persons_until_it_is_given_up(folder: Path) -> None:
    with open_store(folder, ABOUT) as mine, open_store(folder, ABOUT) as yours:
        with mine.claim("a") as first, yours.claim("a") as second, yours.claim("b") as other:
            assert (first, second, other) == (True, False, True)
        with yours.claim("a") as third:
            assert third
    assert not list((folder / "claims").iterdir())
