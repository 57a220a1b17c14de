"""The token ids of texts: by a faster encoder where one knows the tokenizer and agrees with it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

Encode = Callable[[Sequence[str]], list[list[int]]]

_CHECKED = 64
"""One text in so many is encoded by the tokenizer too."""


class TextEncoder:
    """Gives the ids that the tokenizer itself gives, without special tokens around them.

    Of every call some texts, spread evenly, are encoded by the tokenizer as well. Where the two
    differ, all texts of this and of later calls are the tokenizer's own work.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._exact: Encode = lambda texts: tokenizer(list(texts), add_special_tokens=False)[
            "input_ids"
        ]
        self._fast = fast_encoder(tokenizer)

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text."""
        if not texts:
            return []
        if self._fast is None:
            return self._exact(texts)
        found = self._fast(texts)
        if found[::_CHECKED] == self._exact(texts[::_CHECKED]):
            return found
        logger.warning("the fast encoder gives other ids than the tokenizer: it is left out")
        self._fast = None
        return self._exact(texts)


def fast_encoder(tokenizer: PreTrainedTokenizerBase) -> Encode | None:
    """Return gigatoken's encoder of this tokenizer, or None where it has no such kind."""
    import gigatoken

    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    try:
        encoder = gigatoken.Tokenizer(backend)
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
        logger.debug("no fast encoder for this tokenizer: %s", error)
        return None
    return lambda texts: encoder.encode_batch_list(list(texts))
