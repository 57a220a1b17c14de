import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import advdistill
from advdistill.cli.composing import (
    compose_groups,
    compose_run,
    conf_folder,
    options_of,
    overrides_and_rest,
)
from advdistill.errors import ConfigError
from tests.builders import CONF, composed, options

JUDGE = {"verifier": "number", "answer_format": "boxed"}


def test_a_checkout_has_its_configuration_beside_the_package() -> None:
    assert conf_folder() == CONF


def test_a_wheel_has_its_configuration_in_the_package(tmp_path: Path) -> None:
    package = Path(str(advdistill.__file__)).parent
    installed = tmp_path / "advdistill"
    installed.mkdir()
    for path in package.iterdir():
        (installed / path.name).symlink_to(path)
    (installed / "__init__.py").unlink()
    shutil.copyfile(package / "__init__.py", installed / "__init__.py")
    (installed / "conf").symlink_to(CONF)
    program = "from advdistill.cli.composing import *; print(conf_folder(), len(compose_run([])))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(installed / "conf"), str(len(compose_run([])))]


def test_a_run_composes_as_run_py_does() -> None:
    given = ["+experiment=gsm8k_qwen", "dataset.path=folder"]
    assert compose_run(given) == composed(*given)


def test_only_the_groups_asked_for_are_composed() -> None:
    cfg = compose_groups(JUDGE, ["answer_format=hash", "verifier.relative_tolerance=0.5"])
    assert set(cfg) == set(JUDGE)
    assert cfg.answer_format.style == "hash"
    assert cfg.verifier.relative_tolerance == 0.5


def test_a_group_may_take_another_place() -> None:
    cfg = compose_groups({"verifier@against": "number"}, ["against.relative_tolerance=0.5"])
    assert cfg.against.relative_tolerance == 0.5


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("verifier=nubmer", ["verifier/nubmer", "Available options", "number"]),
        ("verifier.relative_tolerence=1", ["did you mean 'relative_tolerance'?"]),
        ("verifier.size=1", ["verifier.size: unknown setting", "verifier has: "]),
        ("verifier.a.b=1", ["verifier.a.b: unknown setting"]),
        ("dataset=gsm8k", ["dataset", "settings given: dataset=gsm8k"]),
        ("verifier=3", ["verifier=3"]),
        ("verifier=[", ["verifier=["]),
        ("verifier", ["verifier"]),
    ],
)
def test_a_slip_is_one_line(override: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        compose_groups(JUDGE, [override])
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(CONF) not in str(caught.value)


@pytest.mark.parametrize("group", ["verifier", "answer_format"])
def test_the_options_of_a_group_are_its_files(group: str) -> None:
    assert options_of(group) == options(group)


def test_settings_hold_an_equals_sign_and_files_may(tmp_path: Path) -> None:
    file = tmp_path / "a=b.jsonl"
    file.touch()
    given = ["verifier=number", str(file), "-", "+verifier@verifier.x=number", "rows.jsonl"]
    assert overrides_and_rest(given) == (
        ["verifier=number", "+verifier@verifier.x=number"],
        [str(file), "-", "rows.jsonl"],
    )
