"""`pool ls`, `show` and `verify` look and change nothing."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from advdistill.cli.pool import VERBS, main
from advdistill.errors import ConfigError, DataError
from advdistill.pool.about import read_about
from advdistill.pool.store import open_store
from tests.unit.cli.stores import damage, filled, rows_in, state

Said = pytest.CaptureFixture[str]


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_examples(verb: str, capsys: Said) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    assert f"examples:\n  advdistill pool {verb}" in capsys.readouterr().out


def test_ls_says_whose_answers_and_how_many(outputs: Path, capsys: Said) -> None:
    folder = filled(outputs)
    assert main(["ls", f"outputs={outputs}"]) == 0
    line, total = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{folder.name}  TransformersTeacher model=builtin:tiny_teacher temp")
    assert "temperature=1.0 top_p=1.0 max_tokens=56: 12 answers to 6 prompts (2 each), 2" in line
    assert line.endswith(", unused")
    assert total == f"1 stores in {outputs}/pool"


def test_a_store_that_a_finished_pool_names_is_used(outputs: Path, capsys: Said) -> None:
    folder = filled(outputs)
    for name in ("a.draft", "b"):
        manifest = outputs / "cache" / "sample" / name / "manifest.json"
        manifest.parent.mkdir(parents=True)
        main(["ls", f"outputs={outputs}"])
        manifest.write_text(json.dumps({"meta": {"stores": [folder.name]}}))
        assert ", unused" in capsys.readouterr().out
    main(["ls", f"outputs={outputs}"])
    assert ", used" in capsys.readouterr().out


def test_ls_names_what_is_no_store(outputs: Path, capsys: Said) -> None:
    (filled(outputs) / "about.json").unlink()
    assert main(["ls", f"outputs={outputs}"]) == 0
    assert "(no store: about.json is missing or damaged)" in capsys.readouterr().out


def test_show_counts_and_prints_what_can_be_printed(outputs: Path, capsys: Said) -> None:
    folder = filled(outputs)
    row = rows_in(folder)[0]
    with open_store(folder, read_about(folder)) as store:
        [other] = store.rows([(row.key, range(1))])[0]
        store.add([replace(other, sample=9, text="\x1b[31mred\nnext")])
    given = ["show", folder.name[:6], f"outputs={outputs}", "--prompt", row.prompt_id]
    assert main([*given, "--limit", "9"]) == 0
    said = capsys.readouterr().out
    assert '"temperature": 1.0' in said
    assert "13 answers = 13 stop + 0 length + 0 error" in said
    assert "tokens: 39 in 13 answers, mean 3.0" in said
    assert said.count("=== ") == 1
    assert said.count("--- answer") == 3
    assert "\\x1b[31mred\nnext\n" in said
    assert "\x1b" not in said


def test_a_whole_pool_passes_and_nothing_changes(outputs: Path, capsys: Said) -> None:
    folder = filled(outputs)
    before = state(outputs)
    assert main(["verify", f"outputs={outputs}"]) == 0
    assert f"{folder.name}  whole: 12 answers" in capsys.readouterr().out
    assert state(outputs) == before


def test_damage_of_every_sort_is_named_and_left_alone(outputs: Path, capsys: Said) -> None:
    folder = filled(outputs, shards=3)
    shards = sorted(folder.glob("*.parquet"))
    torn = damage(folder)
    shutil.copy(shards[1], folder / f"{'0' * 32}.parquet")
    (folder / "about.json").write_text("{}")
    before = state(outputs)
    assert main(["verify", folder.name, f"outputs={outputs}"]) == 1
    said = capsys.readouterr()
    assert "3 DAMAGES" in said.out
    assert "1 stores = 0 whole + 1 damaged" in said.out
    assert f"{torn}: its bytes are not those" in said.err
    assert f"{'0' * 32}.parquet: its bytes are not those" in said.err
    assert "about.json: is not what the folder's name stands for" in said.err
    assert state(outputs) == before


def test_an_answer_in_two_shards_is_damage(outputs: Path, tmp_path: Path, capsys: Said) -> None:
    folder = filled(outputs, (0,), shards=1)
    other = filled(tmp_path / "other", (0, 1), shards=1)
    [shard] = other.glob("*.parquet")
    shutil.copy(shard, folder)
    assert main(["verify", f"outputs={outputs}"]) == 1
    assert "holds 6 answers that other shards hold, too" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lss"], ["unknown verb 'pool lss'", "did you mean 'pool ls'?"]),
        (["ls", "x"], ["unknown argument 'x'"]),
        (["ls", "output=x"], ["unknown setting 'output=x'", "outputs=FOLDER"]),
        (["ls", "outputs=/no/such"], ["there is no folder /no/such"]),
        (["show"], ["found 0 stores; wanted one"]),
        (["show", "a", "b"], ["found 2 stores"]),
        (["verify", "zz"], ["'zz' names 0 of the 1 stores"]),
        (["show", "TYPO"], ["did you mean", "pool ls"]),
        (["show", "FOLDER"], ["is no store of answers"]),
        (["show", "KEY", "--prompt", "q/1"], ["holds no answer to 'q/1'"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_slip_is_told(outputs: Path, arguments: list[str], words: list[str]) -> None:
    key = filled(outputs).name
    swaps = {"TYPO": f"{key[:-2]}zz", "FOLDER": str(outputs), "KEY": key}
    given = [swaps.get(one, one) for one in arguments]
    if not any("=" in one for one in given):
        given.append(f"outputs={outputs}")
    with pytest.raises((ConfigError, DataError, SystemExit)) as slip:
        main(given)
    for word in words:
        assert word in str(slip.value)


def test_the_settings_of_a_store_are_those_of_the_run(outputs: Path) -> None:
    more = ("teacher.samples=2", "teacher.shard_prompts=7")
    assert filled(outputs) == filled(outputs, (2,), *more)
    assert filled(outputs) != filled(outputs, (0,), "teacher.temperature=0.5")
