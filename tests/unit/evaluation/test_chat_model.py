from collections.abc import Sequence
from dataclasses import replace
from itertools import repeat

import pytest
from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.evaluation.chat_model import ChatModel
from advdistill.evaluation.task import answered_task, likelihood_task, mean_of
from advdistill.models import load_tokenizer, prompt_ids
from advdistill.records import Prompt
from advdistill.seeds import sample_seed
from tests.builders import Watched, prompt
from tests.unit.evaluation.engines import (
    EVALUATION,
    HASH,
    ScriptedEngine,
    answer,
    chat_model,
    choice,
)

MODEL = "builtin:tiny_student"
QUESTIONS = [
    "1 + 1?",
    "  What is\n\n 2 + 2 ?\t ",
    "{{ doc }} {% raw %} ${x} \\n <|im_end|>",
    "½ ÷ 4 → ? 😀",
    "[1, 2]",
    "7",
]
OPTIONS = [
    ["yes", "no"],
    ["  spaced\n", "{{ choices[0] }}", "½", "<|im_end|>"],
    ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
]
ASKED = [
    *[prompt(f"p/test/{number}", question=text) for number, text in enumerate(QUESTIONS)],
    *[choice(f"p/test/c{number}", "A", *options) for number, options in enumerate(OPTIONS)],
]
THINKING = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n"
    "{% elif enable_thinking is defined %}<think>\n{% endif %}{% endif %}"
)
SCORING = {
    "process_results": lambda *_: {"accuracy": 1.0},
    "metric_list": [mean_of("accuracy")],
}


def simulated(model: ChatModel, prompts: Sequence[Prompt], *, samples: int = 1) -> None:
    """Run both kinds of task as lm-eval's own command does."""
    how = model.answer_format
    tasks = [answered_task("t", prompts, samples=samples, answer_format=how, scoring=SCORING)]
    if options := [one for one in prompts if one.choices]:
        tasks.append(likelihood_task("l", options, answer_format=how))
    simple_evaluate(
        model=model,
        tasks=tasks,
        task_manager=TaskManager(include_defaults=False),
        apply_chat_template=True,
        system_instruction=model.answer_format.system,
        bootstrap_iters=0,
        log_samples=False,
    )


@pytest.mark.parametrize("thinking", [None, True, False])
@pytest.mark.parametrize("system", [None, "Be exact.\n"])
@pytest.mark.parametrize("instruction", ["", " End with ####. "])
def test_the_engine_sees_the_ids_that_training_sees(
    system: str | None, instruction: str, thinking: bool | None
) -> None:
    answer_format = AnswerFormat(
        style=AnswerStyle.hash, instruction=instruction, system=system, thinking=thinking
    )
    tokenizer = load_tokenizer(MODEL, None)
    tokenizer.chat_template = THINKING
    engine = ScriptedEngine(answers=repeat(answer("#### 2")), tokenizer=tokenizer)
    simulated(chat_model(engine, answer_format=answer_format), ASKED)
    wanted = prompt_ids(ASKED, tokenizer, answer_format)
    assert [ids for ids, _ in engine.asked] == wanted
    contexts = [ids for one, ids in zip(ASKED, wanted, strict=True) for _ in one.choices or ()]
    assert sorted(list(one.context) for one in engine.weighed) == sorted(contexts)
    ends = {tokenizer.decode(ids).rpartition("assistant\n")[2] for ids in wanted}
    assert ends == {{None: "", True: "<think>\n", False: "<think>\n\n</think>\n\n"}[thinking]}


@pytest.mark.parametrize("style", list(AnswerStyle))
def test_an_options_continuation_is_its_letter_as_the_format_writes_it(style: AnswerStyle) -> None:
    answer_format = replace(HASH, style=style)
    engine = ScriptedEngine(answers=repeat(answer("")))
    simulated(chat_model(engine, answer_format=answer_format), [choice("p/test/0", "A", *"xyz")])
    written = [answer_format.write(letter) for letter in "ABC"]
    ids = engine.tokenizer(written, add_special_tokens=False)["input_ids"]
    assert [list(one.tokens) for one in engine.weighed] == ids


def test_every_sample_has_the_seed_of_its_prompt_and_number() -> None:
    drawn = replace(EVALUATION, samples=3, temperature=1.0, seed=5)
    engine = ScriptedEngine(answers=repeat(answer("#### 2")))
    prompts = [prompt("p/test/0"), prompt("p/test/1")]
    simulated(chat_model(engine, evaluation=drawn), prompts, samples=3)
    assert [seeds for _, seeds in engine.asked] == [
        [sample_seed(5, one.prompt_id, sample) for sample in range(3)] for one in prompts
    ]


@pytest.mark.parametrize(
    ("samples", "batch_size", "wanted"),
    [(1, 3, [3, 2]), (2, 4, [2, 2, 1]), (2, 5, [2, 2, 1]), (4, 3, [1] * 5)],
)
def test_a_batch_holds_whole_groups_of_answers(
    samples: int, batch_size: int, wanted: list[int]
) -> None:
    settings = replace(EVALUATION, samples=samples, batch_size=batch_size, temperature=1.0)
    engine = ScriptedEngine(answers=repeat(answer("")))
    prompts = [prompt(f"p/test/{number}") for number in range(5)]
    simulated(chat_model(engine, evaluation=settings), prompts, samples=samples)
    assert engine.batches == wanted


def test_options_come_in_batches_and_progress_counts_prompts_and_options() -> None:
    watch = Watched()
    engine = ScriptedEngine(answers=repeat(answer("")))
    model = chat_model(engine, watch=watch)
    model.steps = 7
    simulated(model, [choice("p/test/0", "A", *"xyz"), choice("p/test/1", "A", *"xy")])
    assert engine.batches == [2, 3, 2]
    assert watch.steps == [(2, 7), (5, 7), (7, 7)]


def test_whole_texts_are_refused() -> None:
    with pytest.raises(NotImplementedError, match="not part of this evaluation"):
        chat_model(ScriptedEngine(answers=iter([]))).loglikelihood_rolling([])
