"""The fast encoder gives the tokenizer's own ids, and is left out where it does not."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from advdistill import token_ids
from advdistill.models import load_tokenizer
from advdistill.token_ids import TextEncoder, fast_encoder

WORDS = {
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "llama3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}
"""How published models cut a text into words."""
LINES = [
    "Natalia sold 48/2 = 24 clips in May, and 48+24 = 72 clips altogether.\n#### 72",
    "Let $x = \\frac{3}{4}$; it's 0.75, isn't it?\n\n    So \\boxed{\\frac{3}{4}}.",
    "Größe 12 cm², \uff12\uff13 個, naïve café ﬁn.",
]
HOSTILE = [
    "<|im_end|>",
    "<|im",
    "e\u0301",
    "👩‍👩‍👧",
    "\u202e",
    "\x00",
    "'S",
    "\u017f's",
    "\u2028",
    "٣",
    "\r\n",
    "  ",
]


@cache
def tokenizer(name: str) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.BPE())
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS[name]), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|im_end|>"],
    )
    backend.train_from_iterator(LINES * 3, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>")


@pytest.mark.parametrize("name", WORDS)
@given(
    texts=st.lists(
        st.lists(st.sampled_from([*LINES, *HOSTILE]) | st.text(max_size=6), max_size=6).map("".join)
    )
)
def test_the_fast_encoder_gives_the_tokenizers_ids(name: str, texts: list[str]) -> None:
    fast = fast_encoder(tokenizer(name))
    assert fast is not None
    exact = [tokenizer(name)(text, add_special_tokens=False)["input_ids"] for text in texts]
    assert fast(texts) == exact


def test_a_fast_encoder_that_differs_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    def wrong(texts: list[str]) -> list[list[int]]:
        calls.append(len(texts))
        return [[7] for _ in texts]

    monkeypatch.setattr(token_ids, "fast_encoder", lambda _: wrong)
    encode = TextEncoder(tokenizer("qwen2"))
    exact = tokenizer("qwen2")(LINES, add_special_tokens=False)["input_ids"]
    assert encode(LINES) == exact
    assert "other ids" in caplog.text
    assert encode(LINES) == exact
    assert calls == [3]


def test_some_texts_of_every_call_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = fast_encoder(tokenizer("qwen2"))
    assert honest is not None
    monkeypatch.setattr(
        token_ids,
        "fast_encoder",
        lambda _: (
            lambda texts: [ids or [7] for ids in honest(texts)]
        ),  # wrong where a text is empty
    )
    encode = TextEncoder(tokenizer("qwen2"))
    assert encode(["a"] * 64)[-1] == encode(["a"])[0]
    assert encode(["a"] * 64 + [""])[-1] == []


def test_a_tokenizer_of_another_kind_has_none() -> None:
    built_in = load_tokenizer("builtin:tiny_student", None)
    assert fast_encoder(built_in) is None
    assert TextEncoder(built_in)(["1 + 1", ""]) == [
        built_in("1 + 1", add_special_tokens=False)["input_ids"],
        [],
    ]
    assert TextEncoder(built_in)([]) == []
