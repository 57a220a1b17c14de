"""Checks of models and tokenizers: what makes a prompt other than it should be, or never end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from advdistill.digests import settings_of
from advdistill.doctor.finding import Finding, MissingError, bad, doubtful, good
from advdistill.doctor.subject import Subject
from advdistill.errors import AdvDistillError
from advdistill.models import load_generation_config, load_tokenizer, locate, prompt_ids, stop_ids
from advdistill.records import AnswerKind, Prompt, Split

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_QUESTION = Prompt(
    prompt_id="doctor/0",
    split=Split.train,
    question="How many legs have six cats?",
    answer="24",
    kind=AnswerKind.number,
)


def models_there(subject: Subject) -> Finding:
    """Whether tokenizer and configuration of every model can be loaded."""
    for role, (model, revision) in subject.models.items():
        try:
            load_tokenizer(model, revision)
            load_config(model, revision)
        except (AdvDistillError, OSError, ValueError) as error:
            said = " ".join(str(error).split())[:300]
            return bad(
                f"{role}: '{model}' cannot be loaded: {said}",
                "download it where the hub is reached, or name a local folder",
            )
    return good(", ".join(f"{role} {model}" for role, (model, _) in subject.models.items()))


def chat_template(subject: Subject) -> Finding:
    """Whether each template renders the question once, and then lets the model speak."""
    for role, tokenizer in subject.tokenizers.items():
        try:
            plain, open_ = (_rendered(subject, tokenizer, speak) for speak in (False, True))
        except (TemplateError, TypeError, ValueError) as error:
            return bad(f"{role}: its chat template does not render: {error}", _TEMPLATE)
        if open_.count(_QUESTION.question) != 1:
            times = open_.count(_QUESTION.question)
            return bad(f"{role}: its chat template shows the question {times} times", _TEMPLATE)
        if plain == open_:
            return doubtful(
                f"{role}: its chat template writes nothing before an answer: a base model's?",
                "use an instruct model's tokenizer, or add `add_generation_prompt` to the template",
            )
    return good("every template shows the question once and opens the answer")


_TEMPLATE = "correct chat_template.jinja, or take the tokenizer of an instruct model"


def end_learnt(subject: Subject) -> Finding:
    """Whether the token that ends an answer in training is one at which generation stops."""
    from advdistill.student.checks import end_id, every_end

    student: Any = subject.plan.student
    tokenizer = subject.tokenizers["student"]
    config = load_generation_config(student.model, student.revision)
    end = end_id(student, tokenizer)
    name = tokenizer.convert_ids_to_tokens(end)
    if end not in every_end(tokenizer, config):
        return bad(
            f"student: answers are taught to end with '{name}', at which it does not stop",
            "add the token to eos_token_id of generation_config.json",
        )
    if end not in stop_ids(tokenizer, config):
        return doubtful(
            f"student: its template ends an answer with '{name}', which the base model does not "
            "know as an end: base and trained student stop differently",
            "take the instruct model, or read the base's truncated share with care",
        )
    return good(f"answers end with '{name}'")


def one_beginning(subject: Subject) -> Finding:
    """Whether a rendered prompt begins with one beginning token, not two."""
    for role, tokenizer in subject.tokenizers.items():
        ids = _ids(subject, tokenizer)
        begin = tokenizer.bos_token_id
        if begin is not None and ids[:2] == [begin, begin]:
            return bad(f"{role}: a prompt begins with two '{tokenizer.bos_token}'", _TEMPLATE)
    return good("no prompt begins twice")


def vocabulary(subject: Subject) -> Finding:
    """Whether every model has an embedding for every token of its tokenizer."""
    for role, tokenizer, config in _configured(subject):
        embeddings = config.vocab_size
        highest = max(tokenizer.get_vocab().values())
        if highest >= embeddings:
            return bad(
                f"{role}: the tokenizer's highest id is {highest}, and the model has {embeddings} "
                "embeddings",
                "use the tokenizer that was made for the model",
            )
    return good("every token has an embedding")


def window(subject: Subject) -> Finding:
    """Whether the models have positions for a prompt with the longest answer allowed."""
    plan = subject.plan
    taught = settings_of(plan.teacher).get("max_tokens") or 0
    rows = settings_of(plan.student).get("max_tokens") or 0
    for role, tokenizer, config in _configured(subject):
        prompt = len(_ids(subject, tokenizer))
        answer = taught if role == "teacher" else plan.evaluation.max_tokens
        needed = max(prompt + answer, rows if role == "student" else 0)
        # Models that count no positions do not name it.
        positions = getattr(config, "max_position_embeddings", None)
        if positions is not None and needed > positions:
            return bad(
                f"{role}: {needed} tokens or more in a row, and the model has {positions} places",
                "lower max_tokens of teacher, student or evaluation, or take a longer model",
            )
    return good("the windows hold prompts and answers")


def load_config(model: str, revision: str | None) -> Any:
    """Return the text part of a model's configuration.

    Raises:
        OSError: it cannot be had.
    """
    from transformers import AutoConfig

    config: Any = AutoConfig.from_pretrained(locate(model), revision=revision)
    return config.get_text_config()


def _configured(subject: Subject) -> Iterator[tuple[str, PreTrainedTokenizerBase, Any]]:
    for role, tokenizer in subject.tokenizers.items():
        try:
            yield role, tokenizer, load_config(*subject.models[role])
        except OSError as error:
            raise MissingError("a model's configuration cannot be loaded") from error


def _rendered(subject: Subject, tokenizer: PreTrainedTokenizerBase, speak: bool) -> str:
    answer_format = subject.plan.answer_format
    return str(
        tokenizer.apply_chat_template(
            answer_format.ask(_QUESTION),
            tokenize=False,
            add_generation_prompt=speak,
            **answer_format.template_options,
        )
    )


def _ids(subject: Subject, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    [ids] = prompt_ids([_QUESTION], tokenizer, subject.plan.answer_format)
    return ids
