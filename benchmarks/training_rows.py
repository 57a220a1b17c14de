"""Recorded answers in groups of N, and a random student of a given shape that reads them.

The tokenizer is trained on the texts themselves, digits apart as Qwen's, so that prompts and
answers have lengths of the usual size; the embedding is as wide as the shape says.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.interfaces import Example
from advdistill.models import prompt_ids
from advdistill.records import AnswerKind, Prompt, Split
from advdistill.student.batches import HeldTokens

FORMAT = AnswerFormat(
    style=AnswerStyle.boxed,
    instruction=(
        "Think step by step, write every step on a line of its own, and put your final answer "
        "within \\boxed{}."
    ),
    system="You are a careful assistant that solves problems and explains each step shortly.",
    thinking=None,
)
_TEMPLATE = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
WORDS = r" ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
QWEN_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How the tokenizers of Qwen2 to Qwen3 cut a text into words."""
SHAPES = {"wide": 151_936, "body": 4_096}
"""The vocabulary beside a Qwen3 body of hidden size 256 and 6 layers."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where recorded answers come from, and which prompts are taken."""

    files: tuple[str, ...]
    least_prompt_tokens: int
    max_response_tokens: int = 400


SOURCES = {
    "gsm8k": Source(files=("gsm8k_recorded", "zeroeval_gsm"), least_prompt_tokens=0),
    "mmlu": Source(files=("mmlu_pro_recorded",), least_prompt_tokens=300),
}


def examples(
    name: str, tokenizer: PreTrainedTokenizerFast, *, prompts: int, samples: int
) -> list[Example]:
    """Return `samples` recorded answers to each of the first prompts that qualify.

    Where fewer are recorded they come round again; each weighs 1.
    """
    source = SOURCES[name]
    found: list[Example] = []
    for number, (question, answers) in enumerate(_problems(source.files)):
        if len(found) == prompts * samples:
            break
        prompt = Prompt(
            prompt_id=f"{name}/train/{number:05d}",
            split=Split.train,
            question=question,
            answer="0",
            kind=AnswerKind.number,
        )
        (asked,) = prompt_ids([prompt], tokenizer, FORMAT)
        short = [
            answer
            for answer in tokenizer(answers, add_special_tokens=False)["input_ids"]
            if 0 < len(answer) <= source.max_response_tokens
        ]
        if len(asked) < source.least_prompt_tokens or len(short) < min(samples, 8):
            continue
        found += [
            _example(prompt.prompt_id, i, asked, answer)
            for i, answer in enumerate(islice(cycle(short), samples))
        ]
    return found


def write_student(folder: Path, shape: str, name: str, *, words: str = WORDS) -> None:
    """Write a random Qwen3 of the shape and its tokenizer, which cuts texts into such words."""
    tokenizer = write_tokenizer(folder, name, min(SHAPES[shape], 8_192), words)
    config = Qwen3Config(
        vocab_size=SHAPES[shape],
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=40_960,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    Qwen3ForCausalLM(config).save_pretrained(folder)


def write_tokenizer(
    folder: Path, name: str, vocabulary: int, words: str
) -> PreTrainedTokenizerFast:
    """Write a tokenizer trained on the source's texts, which it cuts into such words."""
    tokenizer = _tokenizer(name, vocabulary, words)
    tokenizer.save_pretrained(folder)
    return tokenizer


def _example(prompt_id: str, sample: int, asked: list[int], answer: list[int]) -> Example:
    ids = np.array([*asked, *answer], dtype=np.int32)
    return Example(
        prompt_id=prompt_id,
        sample=sample,
        tokens=HeldTokens(ids=ids, prompt_tokens=len(asked)),
        ended=True,
        weight=1.0,
        right=True,
    )


def _problems(files: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each question with its answers from all files, in the order of the first."""
    by_question: dict[str, list[str]] = {}
    folder = Path(os.environ["ADVDISTILL_DATA"]) / "responses"
    for file in files:
        with gzip.open(folder / f"{file}.jsonl.gz", "rt") as lines:
            for row in map(json.loads, lines):
                options = "".join(f"\n{option}" for option in row.get("options", []))
                answers = by_question.setdefault(row["question"] + options, [])
                answers += [response["response"] for response in row["responses"]]
    yield from by_question.items()


def _tokenizer(name: str, vocabulary: int, words: str) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(words), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    texts = (
        text
        for question, answers in _problems(SOURCES[name].files)
        for text in (question, *answers)
    )
    tokenizer.train_from_iterator(
        islice(texts, 8_000),
        trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=_SPECIAL,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=_TEMPLATE,
    )
