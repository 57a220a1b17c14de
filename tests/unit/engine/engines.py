"""Loaded models for the tests of what engines do."""

from collections.abc import Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from advdistill.engine.transformers import load_model
from advdistill.models import load_tokenizer
from advdistill.records import Prompt
from tests.builders import prompt

QUESTIONS = ["1 + 1?", "Tom has 3 coins. Tom finds 14. How many coins does Tom have now?", "?"]
Engine = tuple[PreTrainedModel, PreTrainedTokenizerBase]


def opened(model: str) -> Engine:
    """Return a model and its tokenizer."""
    return load_model(model, None, dtype="float32"), load_tokenizer(model, None)


def asked(questions: Sequence[str]) -> list[Prompt]:
    """Return the questions as prompts."""
    return [prompt(question=question) for question in questions]
