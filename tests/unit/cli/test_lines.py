import gzip
import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.cli import lines
from advdistill.cli.lines import read_chunks, writing_text
from advdistill.errors import DataError


def read(source: Path | str) -> list[tuple[int, bytes]]:
    return [line for chunk in read_chunks(str(source)) for line in chunk]


class Stream:
    """Standard input whose reads bring these pieces, one each."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.buffer = self
        self.pieces = list(pieces)

    def read1(self, _: int) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"\n \n\r\n", []),
        (b"a\nb", [(1, b"a"), (2, b"b")]),
        (b"a\n\nb\n", [(1, b"a"), (3, b"b")]),
        (b"a\r\nb\r\n", [(1, b"a\r"), (2, b"b\r")]),
        ("a\u2028b\x0cc\n".encode(), [(1, "a\u2028b\x0cc".encode())]),
    ],
)
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_lines_keep_their_numbers_and_blank_ones_are_passed_over(
    tmp_path: Path, name: str, content: bytes, expected: list[tuple[int, bytes]]
) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert read(path) == expected


@given(st.lists(st.binary(min_size=1, max_size=6)))
def test_the_lines_of_a_stream_do_not_depend_on_how_it_arrives(pieces: list[bytes]) -> None:
    whole = b"".join(pieces).split(b"\n")
    expected = [(number, line) for number, line in enumerate(whole, 1) if line.strip()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", Stream(pieces))
        assert read("-") == expected


def test_every_line_that_has_arrived_comes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stream([b"a\nb\nc", b"c\n", b"d"]))
    assert list(read_chunks("-")) == [[(1, b"a"), (2, b"b")], [(3, b"cc")], [(4, b"d")]]


def test_a_line_beyond_all_measure_is_held_only_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE", 100)
    monkeypatch.setattr(sys, "stdin", Stream([*[b"x" * 60] * 50, b"\nb\n"]))
    (number, line), after = read("-")
    assert number == 1
    assert 100 < len(line) < 200
    assert after == (2, b"b")


def test_a_missing_or_torn_file_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere.jsonl cannot be read \(No such file"):
        read("nowhere.jsonl")
    torn = tmp_path / "rows.jsonl.gz"
    torn.write_bytes(gzip.compress(b"a\n" * 10**6)[:-20])
    with pytest.raises(DataError, match="cannot be read"):
        read(torn)
    torn.write_bytes(b"plain")
    with pytest.raises(DataError, match="cannot be read"):
        read(torn)


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("old")
    with writing_text(str(path)) as output:
        output.write("new")
        output.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_left_as_it_was_when_the_work_fails(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), writing_text(str(path)) as output:
        output.write("new" * (1 // 0))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_in_gz_is_compressed(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl.gz"
    with writing_text(str(path)) as output:
        output.write("text\n")
    assert gzip.decompress(path.read_bytes()) == b"text\n"


def test_a_link_stays_and_its_file_is_written(tmp_path: Path) -> None:
    link, path = tmp_path / "link", tmp_path / "file"
    path.write_text("old")
    link.symlink_to(path)
    with writing_text(str(link)) as output:
        output.write("new")
    assert link.is_symlink()
    assert path.read_text() == "new"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="asks Linux for a full disk")
def test_a_full_disk_is_one_message() -> None:
    with (
        pytest.raises(DataError, match=r"/dev/full cannot be written \(No space left"),
        writing_text("/dev/full") as output,
    ):
        output.write("text")


def test_a_device_is_written_to_and_stays() -> None:
    with writing_text("/dev/null") as output:
        output.write("text")
    assert Path("/dev/null").is_char_device()


def test_no_name_is_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    with writing_text(None) as output:
        output.write("text")
    assert out.getvalue() == "text"


def test_a_folder_that_is_not_there_is_one_message(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match=r"cannot be written .*; wanted a file"),
        writing_text(str(tmp_path / "no" / "out")),
    ):
        pass
