"""A two-layer random Qwen3 with a byte-level tokenizer and chat template, and rows to train on."""

from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.interfaces import Example
from advdistill.models import prompt_ids
from advdistill.records import AnswerKind, Finish, Prompt, Split
from advdistill.student.batches import HeldTokens

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
END = SPECIAL.index("<|im_end|>")
"""The token that ends an answer."""
ANSWER_FORMAT = AnswerFormat(style=AnswerStyle.hash, instruction="", system=None, thinking=None)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer with one token per byte and the three special tokens of ChatML."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHAT_TEMPLATE,
    )


def tiny_model(folder: Path, *, seed: int = 0, attention_dropout: float = 0.0) -> str:
    """Write the model folder (about 30 thousand parameters) and return its path as a string."""
    tokenizer = byte_tokenizer()
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=512,
        attention_dropout=attention_dropout,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(config)
    stops = [tokenizer.eos_token_id, tokenizer.pad_token_id]
    model.generation_config = GenerationConfig(
        eos_token_id=stops, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def example(
    number: int,
    sample: int,
    *,
    weight: float,
    text: str = "7",
    finish: Finish = Finish.stop,
    tokenizer: PreTrainedTokenizerFast | None = None,
) -> Example:
    """Return a response to the prompt `tiny/train/<number>`, whose length depends on the number.

    It is right where its weight is above 0. Its tokens are bytes unless a tokenizer is given.
    """
    prompt = Prompt(
        prompt_id=f"tiny/train/{number:05d}",
        split=Split.train,
        question=f"{'1+' * (1 + number % 4)}1?",
        answer=str(2 + number % 4),
        kind=AnswerKind.number,
    )
    return Example(
        prompt_id=prompt.prompt_id,
        sample=sample,
        tokens=held(prompt, text, tokenizer or byte_tokenizer()),
        ended=finish is Finish.stop,
        weight=weight,
        right=weight > 0,
        teacher=-0.3 * (1 + len(text)) - 0.1 * sample,
        reference=-0.4 * (1 + len(text)),
    )


def held(prompt: Prompt, text: str, tokenizer: PreTrainedTokenizerFast) -> HeldTokens:
    """Return the token ids of a prompt and an answer."""
    (asked,) = prompt_ids([prompt], tokenizer, ANSWER_FORMAT)
    answer = tokenizer(text, add_special_tokens=False)["input_ids"]
    return HeldTokens(ids=np.array([*asked, *answer], dtype=np.int32), prompt_tokens=len(asked))


def pool(
    prompts: int, samples: int, tokenizer: PreTrainedTokenizerFast | None = None
) -> list[Example]:
    """Return ragged examples with weights of both signs and some of 0."""
    tokenizer = tokenizer or byte_tokenizer()
    return [
        example(
            number,
            sample,
            weight=(-0.5, 0.0, 0.25, 1.0, 2.0)[(number * samples + sample) % 5],
            text=f"{'so ' * ((3 * number + sample) % 5)}#### {number + sample}",
            finish=Finish.length if (number + sample) % 7 == 3 else Finish.stop,
            tokenizer=tokenizer,
        )
        for number in range(prompts)
        for sample in range(samples)
    ]
