import json
import shutil
from pathlib import Path

import pytest
from transformers import GenerationConfig

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.errors import ConfigError, DataError
from advdistill.models import (
    load_generation_config,
    load_tokenizer,
    local_folders,
    locate,
    prompt_ids,
    stop_ids,
)
from tests.builders import prompt
from tests.tiny import byte_tokenizer


def test_a_builtin_model_lies_in_the_package() -> None:
    folder = Path(locate("builtin:tiny_student"))
    assert (folder / "config.json").is_file()
    assert local_folders("builtin:tiny_student") == [folder]


def test_an_unknown_builtin_model_is_refused_and_the_known_ones_named() -> None:
    with pytest.raises(ConfigError) as caught:
        locate("builtin:huge")
    for part in ("'builtin:huge' does not exist", "builtin:tiny_student", "builtin:tiny_teacher"):
        assert part in str(caught.value)


def test_a_hub_id_is_left_as_it_is() -> None:
    assert locate("owner/name") == "owner/name"
    assert local_folders("owner/name") == []


def test_a_folder_is_itself_wherever_it_is_named_from(
    tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(tiny).parent)
    assert locate(Path(tiny).name) == str(Path(tiny).resolve())


@pytest.mark.parametrize("model", ["./nowhere", "/no/where", "~/model", "gpt2", "a/b/c"])
def test_what_is_neither_folder_nor_hub_id_is_refused(model: str) -> None:
    with pytest.raises(ConfigError) as caught:
        local_folders(model)
    for part in (f"'{model}' is no folder here", "no hub id (owner/name)", "give an existing"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [
        ("config.json", "model.save_pretrained(folder)"),
        ("tokenizer.json", "tokenizer.save_pretrained(folder)"),
    ],
)
def test_a_folder_without_model_or_tokenizer_is_refused(
    tiny: str, tmp_path: Path, missing: str, remedy: str
) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    (folder / missing).unlink()
    with pytest.raises(ConfigError) as caught:
        local_folders(str(folder))
    for part in (str(folder), f"has no {missing}; wanted", remedy):
        assert part in str(caught.value)


def test_a_tokenizer_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(DataError, match=r"has no chat template; wanted one.*chat_template\.jinja"):
        load_tokenizer(str(tmp_path), None)


def test_a_tokenizer_without_an_end_is_refused(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.eos_token = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(DataError, match="names no eos_token"):
        load_tokenizer(str(tmp_path), None)


def test_a_tokenizer_without_padding_pads_with_its_end_on_the_left(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    loaded = load_tokenizer(str(tmp_path), None)
    padded = loaded.pad({"input_ids": [[5], [5, 6]]})["input_ids"]
    assert padded[0] == [loaded.eos_token_id, 5]


@pytest.mark.parametrize("system", [None, "Be exact."])
def test_a_prompt_is_the_rendered_template_up_to_the_answer(tiny: str, system: str | None) -> None:
    answer_format = AnswerFormat(
        style=AnswerStyle.hash, instruction="Think.", system=system, thinking=None
    )
    tokenizer = load_tokenizer(tiny, None)
    (ids,) = prompt_ids([prompt(question="1 + 1?")], tokenizer, answer_format)
    first = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    assert tokenizer.decode(ids) == (
        f"{first}<|im_start|>user\n1 + 1?\nThink.<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize(("thinking", "said"), [(None, ""), (True, "think"), (False, "no")])
def test_the_template_is_told_whether_to_think(tiny: str, thinking: bool | None, said: str) -> None:
    tokenizer = load_tokenizer(tiny, None)
    tokenizer.chat_template = (
        "{% if enable_thinking is defined %}{{ 'think' if enable_thinking else 'no' }}{% endif %}"
    )
    form = AnswerFormat(style=AnswerStyle.hash, instruction="", system=None, thinking=thinking)
    (ids,) = prompt_ids([prompt()], tokenizer, form)
    assert tokenizer.decode(ids) == said


@pytest.mark.parametrize(
    ("named", "wanted"), [(None, [2]), (2, [2]), (0, [0, 2]), ([7, 0, 2], [0, 2, 7])]
)
def test_an_answer_ends_at_the_tokenizers_and_the_models_own_stops(
    named: int | list[int] | None, wanted: list[int]
) -> None:
    assert stop_ids(byte_tokenizer(), GenerationConfig(eos_token_id=named)) == wanted
    assert stop_ids(byte_tokenizer(), None) == [2]


def test_a_model_without_a_generation_config_stops_where_its_config_says(
    tiny: str, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    assert load_generation_config(str(folder), None).eos_token_id == [2, 0]
    (folder / "generation_config.json").unlink()
    config = json.loads((folder / "config.json").read_text())
    assert load_generation_config(str(folder), None).eos_token_id == config["eos_token_id"]
