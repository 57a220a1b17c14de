from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from advdistill.digests import (
    digest_of_file,
    digest_of_json,
    digest_of_path,
    files_below,
    settings_of,
)
from advdistill.groups import Std, ZeroVariance
from advdistill.weighting.advantage import Advantage


def test_a_digest_is_the_sha256_of_canonical_json() -> None:
    # printf '{"a":[1,"é"],"b":null}' | sha256sum
    known = "1e02bc81a26af2f027329541e97eef36f3290bedc6dfe043dbe66b057ecb13ba"
    assert digest_of_json({"b": None, "a": [1, "é"]}) == known


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"b": 1}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": "1"}, {"a": 1}),
        ({"a": None}, {}),
        ({"a": True}, {"a": 1}),
        ({"a": {"b": 1}}, {"a": {"b": 2}}),
    ],
)
def test_another_value_has_another_digest(one: object, other: object) -> None:
    assert digest_of_json(one) != digest_of_json(other)


def folder_of(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_of_file(path) == digest_of_path(path) == known


def test_equal_folders_have_equal_digests_wherever_they_lie(tmp_path: Path) -> None:
    files = {"a": "1", "b/c": "2"}
    one, two = folder_of(tmp_path / "x", files), folder_of(tmp_path / "y/z", files)
    assert digest_of_path(one) == digest_of_path(two)


@pytest.mark.parametrize(
    "files", [{"a": "1", "b/c": "3"}, {"a": "1", "b/d": "2"}, {"a": "1"}, {"a": "2", "b/c": "1"}]
)
def test_a_folder_of_other_names_or_bytes_has_another_digest(
    tmp_path: Path, files: dict[str, str]
) -> None:
    one = folder_of(tmp_path / "x", {"a": "1", "b/c": "2"})
    assert digest_of_path(one) != digest_of_path(folder_of(tmp_path / "y", files))


def test_hidden_files_are_no_content(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / ".cache/x", {"a": "1", ".b": "2", ".c/d": "3", "e/f": "4"})
    assert [str(path.relative_to(folder)) for path in files_below(folder)] == ["a", "e/f"]


@dataclass(frozen=True)
class Nested:
    options: dict[str, Any]
    names: tuple[str, ...]


def test_settings_are_the_class_and_every_field_as_plain_values() -> None:
    one = Advantage(std=Std.sample, epsilon=0.5, std_floor=0.0, zero_variance=ZeroVariance.drop)
    assert settings_of(one) == {
        "class": "advdistill.weighting.advantage.Advantage",
        "std": "sample",
        "epsilon": 0.5,
        "std_floor": 0.0,
        "zero_variance": "drop",
    }
    nested = settings_of(Nested(options={"a": {"std": Std.none}}, names=("x", "y")))
    assert nested["options"] == {"a": {"std": "none"}}
    assert nested["names"] == ["x", "y"]


@dataclass(frozen=True)
class Holding:
    part: Advantage
    parts: dict[str, Advantage]


def test_settings_hold_those_of_the_components_inside() -> None:
    inner = Advantage(std=Std.sample, epsilon=0.5, std_floor=0.0, zero_variance=ZeroVariance.drop)
    settings = settings_of(Holding(part=inner, parts={"a": inner}))
    assert settings["part"] == settings["parts"]["a"] == settings_of(inner)


def test_another_setting_anywhere_inside_is_another_digest() -> None:
    inner = Advantage(std=Std.sample, epsilon=0.5, std_floor=0.0, zero_variance=ZeroVariance.drop)
    other = replace(inner, epsilon=0.6)
    found = [
        Holding(part=inner, parts={"a": inner}),
        Holding(part=other, parts={"a": inner}),
        Holding(part=inner, parts={"a": other}),
        Holding(part=inner, parts={"b": inner}),
        Holding(part=inner, parts={}),
    ]
    assert len({digest_of_json(settings_of(one)) for one in found}) == len(found)
