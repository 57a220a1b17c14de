"""Where a model of the configuration lies, and its tokenizer with what generation needs of it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advdistill.answers import AnswerFormat
from advdistill.errors import ConfigError, DataError
from advdistill.records import Prompt

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedTokenizerBase

BUILTIN = "builtin:"


def locate(model: str) -> str:
    """Return the local folder of a built-in or local model, or the hub id as it is.

    Raises:
        ConfigError: no built-in model has this name.
    """
    if not model.startswith(BUILTIN):
        return str(Path(model).resolve()) if Path(model).is_dir() else model
    shelf = Path(str(files("advdistill"))) / "builtin"
    folder = shelf / model.removeprefix(BUILTIN)
    if not folder.is_dir():
        names = ", ".join(sorted(f"{BUILTIN}{path.name}" for path in shelf.iterdir()))
        raise ConfigError(f"model '{model}' does not exist; the built-in ones are {names}")
    return str(folder)


def local_folders(model: str) -> list[Path]:
    """Return the folder whose bytes identify the model; none for a model on the hub.

    Raises:
        ConfigError: a path that does not exist, or a folder without model or tokenizer.
    """
    where = locate(model)
    if not Path(where).is_dir():
        if model.startswith((".", "/", "~")) or model.count("/") != 1:
            raise ConfigError(
                f"model '{model}' is no folder here and no hub id (owner/name); "
                "give an existing folder, a hub id or builtin:NAME"
            )
        return []
    for needed, wanted in (("config.json", "model"), ("tokenizer.json", "tokenizer")):
        if not (Path(where) / needed).is_file():
            raise ConfigError(
                f"model folder '{model}' has no {needed}; wanted the {wanted}'s beside the "
                f"weights; save it with {wanted}.save_pretrained(folder)"
            )
    return [Path(where)]


def tokenizer_files(model: str) -> list[Path]:
    """Return every file of a local model that its tokenizer may be made of; none for the hub."""
    return [
        path
        for folder in local_folders(model)
        for path in sorted(folder.iterdir())
        if path.is_file() and not {".safetensors", ".bin"} & set(path.suffixes)
    ]


def load_tokenizer(model: str, revision: str | None) -> PreTrainedTokenizerBase:
    """Return the model's tokenizer, padding on the left.

    Raises:
        DataError: it has no chat template or no end-of-turn token.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        locate(model), revision=revision, padding_side="left", trust_remote_code=False
    )
    if not tokenizer.chat_template:
        raise DataError(
            f"the tokenizer of '{model}' has no chat template; "
            "wanted one, so that training and generation see the same prompt; "
            "use an instruct model's tokenizer or add chat_template.jinja"
        )
    if tokenizer.eos_token_id is None:
        raise DataError(f"the tokenizer of '{model}' names no eos_token, so no answer could end")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_generation_config(model: str, revision: str | None) -> GenerationConfig:
    """Return what `from_pretrained` gives a model as its generation config."""
    from transformers import AutoConfig, GenerationConfig

    where, commit = locate(model), revision or "main"
    try:
        return GenerationConfig.from_pretrained(where, revision=commit)
    except OSError:
        config = AutoConfig.from_pretrained(where, revision=commit)
        return GenerationConfig.from_model_config(config)


def prompt_ids(
    prompts: Sequence[Prompt], tokenizer: PreTrainedTokenizerBase, answer_format: AnswerFormat
) -> list[list[int]]:
    """Return each prompt rendered by the chat template, up to where the answer begins.

    Sampling, training and evaluation all call this, so that they see the same ids.
    """
    rendered = [
        str(
            tokenizer.apply_chat_template(
                answer_format.ask(prompt),
                tokenize=False,
                add_generation_prompt=True,
                **answer_format.template_options,
            )
        )
        for prompt in prompts
    ]
    return tokenizer(rendered, add_special_tokens=False)["input_ids"]


def stop_ids(
    tokenizer: PreTrainedTokenizerBase, generation_config: GenerationConfig | None
) -> list[int]:
    """Return every token id that ends an answer: the tokenizer's and the model's own."""
    configs = [tokenizer] if generation_config is None else [tokenizer, generation_config]
    named: list[Any] = [config.eos_token_id for config in configs]
    listed = [token for ids in named for token in (ids if isinstance(ids, list) else [ids])]
    return sorted({int(token) for token in listed if token is not None})
