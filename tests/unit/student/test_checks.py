import logging
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedTokenizerFast

from advdistill.errors import ConfigError, DataError
from advdistill.interfaces import Objective
from advdistill.objective.pairs import PairNormaliser
from advdistill.objective.simpo import SimPO
from advdistill.objective.weighted_nll import Negative, WeightedNLL
from advdistill.student.batches import Rows, encode
from advdistill.student.checks import (
    check_loss,
    check_teacher,
    check_vocabulary,
    check_window,
    end_id,
    every_end,
    written_end,
)
from advdistill.student.finetune import Adapter
from advdistill.student.loading import open_base
from tests.tiny import CHAT_TEMPLATE, END, byte_tokenizer, example, pool, tiny_model
from tests.unit.student.students import OBJECTIVE, job, student

LORA = Adapter(rank=2, alpha=4.0, dropout=0.0, targets=["all-linear"], quantise=False)

QWEN = (
    "{%- if messages[0]['role'] == 'system' %}"
    "{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}"
    "{%- else %}{{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{%- endif %}"
    "{%- for message in messages %}"
    "{%- if message.role == 'user' or message.role == 'assistant' %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
    "{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
LLAMA = (
    "{% for message in messages %}{% set content = '<|start_header_id|>' + message['role'] + "
    "'<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' %}"
    "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}"
    "{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] + ' ' + eos_token }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}"
    "{% endfor %}"
)
SMOLLM = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\\nYou are a helpful AI assistant.<|im_end|>\\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for message in messages %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\\n'}}{% endif %}"
)
PHI = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}"
    "{% else %}{{ eos_token }}{% endif %}"
)
THINKING = (
    "{% for message in messages %}{% set text = message['content'] %}"
    "{% if message['role'] == 'assistant' %}"
    "{% set text = '<think>\\n\\n</think>\\n\\n' + text.split('</think>')[-1] %}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + text + '<|im_end|>\\n' }}{% endfor %}"
)
WORDS = (
    "{% for message in messages %}"
    "{{ '### ' + message['role'] + ': ' + message['content'] + '\\n' }}{% endfor %}"
)
SILENT = "{% for m in messages if m['role'] == 'user' %}{{ m['content'] }}{% endfor %}"
STRICT = "{{ raise_exception('Conversation roles must be user only') }}"

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<s>",
    "</s>",
    "<bos>",
    "<eos>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<|end|>",
    "<|end|>\n<|stop|>",
)


def tokenizer_of(template: str, *, eos: str, bos: str = "<s>") -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=eos,
        bos_token=bos,
        pad_token="<|endoftext|>",
        chat_template=template,
    )


@pytest.mark.parametrize(
    ("template", "eos", "written"),
    [
        pytest.param(CHAT_TEMPLATE, "<|im_end|>", "<|im_end|>", id="chatml"),
        pytest.param(QWEN, "<|im_end|>", "<|im_end|>", id="qwen2.5-instruct"),
        pytest.param(QWEN, "<|endoftext|>", "<|im_end|>", id="qwen2.5-base"),
        pytest.param(LLAMA, "<|eot_id|>", "<|eot_id|>", id="llama3-instruct"),
        pytest.param(LLAMA, "<|end_of_text|>", "<|eot_id|>", id="llama3-other-eos"),
        pytest.param(MISTRAL, "</s>", "</s>", id="mistral-space-before"),
        pytest.param(SMOLLM, "<|im_end|>", "<|im_end|>", id="smollm2"),
        pytest.param(GEMMA, "<eos>", "<end_of_turn>", id="gemma"),
        pytest.param(PHI, "<|endoftext|>", "<|end|>", id="phi-two-ends"),
        pytest.param(THINKING, "<|im_end|>", "<|im_end|>", id="thinking"),
        pytest.param(WORDS, "<|endoftext|>", None, id="plain-words"),
    ],
)
def test_the_end_is_the_special_token_that_the_template_writes_behind_an_answer(
    template: str, eos: str, written: str | None
) -> None:
    tokenizer = tokenizer_of(template, eos=eos)
    found = written_end(tokenizer)
    assert (None if found is None else tokenizer.convert_ids_to_tokens(found)) == written


def test_of_two_tokens_that_begin_alike_the_longer_is_the_end() -> None:
    template = PHI.replace("<|end|>\\n", "<|end|>\\n<|stop|>")
    tokenizer = tokenizer_of(template, eos="<|endoftext|>")
    assert tokenizer.convert_ids_to_tokens(written_end(tokenizer)) == "<|end|>\n<|stop|>"


@pytest.mark.parametrize(
    ("template", "message"),
    [(SILENT, "leaves out the assistant's answer"), (STRICT, "cannot render .*roles must be user")],
)
def test_a_template_that_renders_no_answer_is_refused(template: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        written_end(tokenizer_of(template, eos="</s>"))


@pytest.mark.parametrize(
    ("template", "adapter", "stops", "taught"),
    [
        pytest.param(QWEN, None, "<|endoftext|>", "<|im_end|>", id="the template's"),
        pytest.param(QWEN, LORA, "<|endoftext|>", "<|endoftext|>", id="what a frozen head knows"),
        pytest.param(QWEN, LORA, "<|im_end|>", "<|im_end|>", id="the template's, known as a stop"),
        pytest.param(WORDS, None, "<|endoftext|>", "<|endoftext|>", id="no token of a template"),
        pytest.param(WORDS, LORA, "<|im_end|>", "<|endoftext|>", id="a stop it does not write"),
    ],
)
def test_which_end_is_taught(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    template: str,
    adapter: Adapter | None,
    stops: str,
    taught: str,
) -> None:
    model = tiny_model(tmp_path)
    tokenizer = tokenizer_of(template, eos="<|endoftext|>")
    own = GenerationConfig(eos_token_id=tokenizer.convert_tokens_to_ids(stops))
    own.save_pretrained(tmp_path)
    with caplog.at_level(logging.INFO):
        found = end_id(student(model, adapter=adapter), tokenizer)
    assert tokenizer.convert_ids_to_tokens(found) == taught
    assert ("<|im_end|>" in caplog.text) == (template is QWEN)


def test_what_is_taught_stands_in_the_rows_and_stops_the_model(tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    tokenizer = byte_tokenizer()
    tokenizer.eos_token = "<|endoftext|>"
    tokenizer.save_pretrained(tmp_path)
    GenerationConfig(eos_token_id=0).save_pretrained(tmp_path)
    base = open_base(student(model), [example(0, 0, weight=1.0, text="42")], job=job())
    (row,) = base.rows.by_prompt["tiny/train/00000"]
    assert tokenizer.decode(row.ids[row.prompt_tokens :]) == "42<|im_end|>"
    assert base.model.generation_config.eos_token_id == [0, 2]
    frozen = open_base(
        student(model, adapter=LORA), [example(0, 0, weight=1.0, text="42")], job=job()
    )
    (row,) = frozen.rows.by_prompt["tiny/train/00000"]
    assert tokenizer.decode(row.ids[row.prompt_tokens :]) == "42<|endoftext|>"
    assert frozen.model.generation_config.eos_token_id == [0, 2]


def test_every_end_holds_those_of_tokenizer_model_and_template() -> None:
    tokenizer = tokenizer_of(GEMMA, eos="<eos>")
    names = ["<|endoftext|>", "<eos>", "<end_of_turn>"]
    found = every_end(tokenizer, GenerationConfig(eos_token_id=[0]))
    assert found == tokenizer.convert_tokens_to_ids(names)


def rows_of(tokenizer: PreTrainedTokenizerFast) -> Rows:
    return encode(pool(2, 5, tokenizer), end=tokenizer.eos_token_id, max_tokens=128)


def test_a_token_without_an_embedding_is_named(tmp_path: Path) -> None:
    model, tokenizer = tiny_model(tmp_path), byte_tokenizer()
    one, loaded = student(model), AutoModelForCausalLM.from_pretrained(model)
    check_vocabulary(one, loaded, tokenizer, rows_of(tokenizer))
    tokenizer.add_special_tokens({"eos_token": "<|done|>"})
    with pytest.raises(DataError) as caught:
        check_vocabulary(one, loaded, tokenizer, rows_of(tokenizer))
    assert "'<|done|>' in tiny/train/00000, sample 0, the id 259" in str(caught.value)
    assert "has 259 embeddings" in str(caught.value)
    tokenizer.save_pretrained(tmp_path)
    with_it = [example(0, 0, weight=1.0, text="<|done|>", tokenizer=tokenizer)]
    with pytest.raises(DataError, match="embeddings of new tokens are not added"):
        open_base(replace(one, adapter=LORA), with_it, job=job())


def test_more_tokens_than_the_model_has_positions_are_refused(tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(model)
    check_window(student(model, max_tokens=512), loaded)
    with pytest.raises(ConfigError, match=r"max_tokens is 513, .* has positions for 512; .* lower"):
        open_base(student(model, max_tokens=513), pool(1, 5), job=job())


class Reading(WeightedNLL):
    """An objective that reads the teacher's log-probs."""

    @property
    def needs_teacher(self) -> bool:
        return True


def test_an_objective_that_reads_the_teacher_needs_it_of_every_row() -> None:
    known = rows_of(byte_tokenizer())
    given = [replace(one, teacher=None) if one.sample == 2 else one for one in pool(2, 5)]
    partly = encode(given, end=END, max_tokens=128)
    reading = Reading(**{name: getattr(OBJECTIVE, name) for name in OBJECTIVE.__dataclass_fields__})
    check_teacher(reading, known)
    check_teacher(OBJECTIVE, partly)
    with pytest.raises(DataError, match=r"not known of 2 of 8 .*first: tiny/train/00000, sample 2"):
        check_teacher(reading, partly)


PAIRS = SimPO(normaliser=PairNormaliser.pairs, constant=1.0, beta=2.0, gamma=1.0, max_pairs=None)
DROPPING = replace(OBJECTIVE, negative=Negative.drop)


@pytest.mark.parametrize(
    ("objective", "weights", "fine"),
    [
        (PAIRS, (1.0, -1.0), True),
        (PAIRS, (1.0, 2.0), False),
        (DROPPING, (-1.0, 1.0), True),
        (DROPPING, (-1.0, -2.0), False),
    ],
)
def test_an_objective_without_a_loss_on_the_whole_pool_is_refused(
    objective: Objective, weights: tuple[float, float], fine: bool
) -> None:
    given = [example(0, sample, weight=weight) for sample, weight in enumerate(weights)]
    rows = encode(given, end=END, max_tokens=128)
    if fine:
        check_loss(objective, rows)
        return
    with pytest.raises(DataError, match=r"none of the 2 responses with a weight .* carries a loss"):
        check_loss(objective, rows)
