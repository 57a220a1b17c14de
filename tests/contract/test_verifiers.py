"""What holds for every verifier with every answer format, and for the formats themselves."""

import json
import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from reasoning_gym.factory import create_dataset

from advdistill import stages
from advdistill.answers import LETTERS, AnswerFormat
from advdistill.interfaces import Costly, Judge, Verifier
from advdistill.records import AnswerKind, Finish, Prompt, Response, Reward, Split, Verdict
from tests.builders import options, prompt, response
from tests.cases import each
from tests.contract.components import built


def _prompts(kind: AnswerKind, answers: Sequence[str]) -> list[Prompt]:
    return [
        replace(prompt(f"{kind}/{number}", answer=answer), kind=kind)
        for number, answer in enumerate(answers)
    ]


def _drawn(task: str) -> Prompt:
    entry = create_dataset(task, seed=3, size=1)[0]
    metadata = json.dumps({"task": task, "entry": entry})
    whole = prompt(f"reasoning_gym/{task}", answer=entry["answer"])
    return replace(whole, kind=AnswerKind.text, metadata=metadata)


NUMBERS = _prompts(AnswerKind.number, ["0", "18", "-3", "1,000", "7.5"])
MATHS = _prompts(
    AnswerKind.math,
    ["\\frac{1}{2}", "x^2+2x+1", "\\left(3, \\frac{\\pi}{2}\\right)", "\\sqrt{2}", "[-2,7]"],
)
CHOICES = [
    replace(one, choices=("a dog", "red", "12 cm", "none of them"))
    for one in _prompts(AnswerKind.choice, LETTERS[:4])
]
TEXTS = _prompts(AnswerKind.text, ["New York", "blue", "yes"])
DRAWN = [_drawn(task) for task in ("chain_sum", "spell_backward", "countdown", "caesar_cipher")]

GOLDS: dict[str, list[Prompt]] = {
    "NumberVerifier": NUMBERS,
    "MathVerifier": [*NUMBERS, *MATHS],
    "ChoiceVerifier": CHOICES,
    "ExactVerifier": TEXTS,
    "ReasoningGymVerifier": DRAWN,
}
"""What each rule about being right can judge; a class that is not here is about something else."""
ABOUT_SOMETHING_ELSE = {"LayoutVerifier", "OverlongVerifier", "RepetitionVerifier"}
PARTS_THAT_LEAD = {
    "BlendVerifier": lambda one: one.parts[one.verdict],
    "CosineLengthVerifier": lambda one: one.correct,
    "KimiLengthVerifier": lambda one: one.correct,
}
"""Whose verdict is that of a part."""
KNOWN = (Verdict.passed, Verdict.failed, Verdict.unparsed)
HOSTILE = {
    "empty": "",
    "blank": " \n\t",
    "null": "\0#### 2\0",
    "surrogate": "#### 1\ud8008 \udc00",
    "right to left": "\u202e81 ####\u202c",
    "one digit": "#### " + "1" * 100_000,
    "parentheses": "\\boxed{" + "(" * 5000 + ")" * 5000 + "}",
    "braces": "\\boxed{" * 5000,
    "power": "#### 9**9**9**9",
    "code": "<answer>__import__('os').abort()</answer>",
    "tags": "<think>" * 5000 + "<answer>" * 5000,
    "json": '{"answer": ' * 5000,
}

every_format = each("answer_format", options("answer_format"))
every_verifier = pytest.mark.parametrize("verifier", options("verifier"))


def golds_of(verifier: Verifier) -> list[Prompt]:
    """Return prompts whose answers the verifier can judge; none where it is not about them."""
    name = type(verifier).__name__
    if lead := PARTS_THAT_LEAD.get(name):
        return golds_of(lead(verifier))
    assert name in {*GOLDS, *ABOUT_SOMETHING_ELSE}, f"say here what {name} can judge"
    return GOLDS.get(name, [])


def about_numbers(verifier: Verifier) -> bool:
    return NUMBERS[0] in golds_of(verifier)


def rows_of(judged: list[Reward] | Costly) -> list[Reward]:
    return judged.work() if isinstance(judged, Costly) else judged


def inline(verifier: Verifier, form: AnswerFormat) -> Judge:
    """Return the judge that does costly work here; the processes have tests of their own."""

    def judge(answers: Sequence[tuple[Prompt, Response]]) -> list[list[Reward]]:
        return [rows_of(verifier.judge(*pair, answer_format=form)) for pair in answers]

    return judge


def unproven(verifier: str, answer_format: str, prompts: list[Prompt]) -> list[str]:
    """Return the gold answers that do not pass, and why."""
    judge, form = built("verifier", verifier), built("answer_format", answer_format)
    missed = stages.check(inline(judge, form), prompts, answer_format=form)
    return [f"{row.answer}: {total.verdict}, {total.detail}" for row, total in missed]


@every_format
@every_verifier
def test_the_gold_answer_passes(verifier: str, answer_format: str) -> None:
    golds = golds_of(built("verifier", verifier))
    assert unproven(verifier, answer_format, golds) == []


@every_format
@every_verifier
def test_the_gold_answer_of_another_problem_does_not(verifier: str, answer_format: str) -> None:
    judge, form = built("verifier", verifier), built("answer_format", answer_format)
    golds = golds_of(judge)
    for one, other in zip(golds, [*golds[1:], *golds[:1]], strict=True):
        answer = response(one.prompt_id, text=form.write(other.answer))
        total = rows_of(judge.judge(one, answer, answer_format=form))[-1]
        assert total.verdict in (Verdict.failed, Verdict.unparsed)


@every_format
@every_verifier
def test_every_gold_answer_of_the_quickstart_passes(verifier: str, answer_format: str) -> None:
    if about_numbers(built("verifier", verifier)):
        prompts: list[Prompt] = list(built("dataset", "quickstart").load())
        assert unproven(verifier, answer_format, prompts) == []


@pytest.mark.data
@every_format
@every_verifier
def test_every_recorded_gold_answer_passes(verifier: str, answer_format: str, data: Path) -> None:
    if about_numbers(built("verifier", verifier)):
        prompts = list(built("dataset", "gsm8k_recorded").load())
        assert unproven(verifier, answer_format, prompts) == []


def check_rows(rows: list[Reward], one: Response) -> None:
    """Assert what holds for the rows of any verdict."""
    assert [row.rule for row in rows].count("total") == 1
    assert rows[-1].rule == "total"
    assert len({row.rule for row in rows}) == len(rows)
    assert {(row.prompt_id, row.sample) for row in rows} == {(one.prompt_id, one.sample)}
    for row in rows:
        assert (row.value is not None) == (row.verdict in KNOWN)


@every_format
@every_verifier
@each("finish", Finish)
@each("text", ["", "#### 18", "\\boxed{18}", "#### 19", "words", "#### 1" * 99])
def test_the_last_row_is_the_total_and_only_known_verdicts_carry_a_value(
    verifier: str, answer_format: str, finish: Finish, text: str
) -> None:
    judge, form = built("verifier", verifier), built("answer_format", answer_format)
    one = (golds_of(judge) or NUMBERS)[1]
    answer = response(prompt_id=one.prompt_id, sample=5, text=text, finish=finish)
    rows = rows_of(judge.judge(one, answer, answer_format=form))
    assert rows == rows_of(judge.judge(one, answer, answer_format=form))
    check_rows(rows, answer)


@every_verifier
@each("tokens", [None, 5])
def test_a_failed_or_unmeasured_answer_never_raises(verifier: str, tokens: int | None) -> None:
    judge, form = built("verifier", verifier), built("answer_format", "hash")
    for one in golds_of(judge) or NUMBERS:
        for finish in Finish:
            answer = response(one.prompt_id, text="", tokens=tokens, finish=finish)
            rows = rows_of(judge.judge(one, answer, answer_format=form))
            check_rows(rows, answer)
            assert finish is not Finish.error or rows[-1].verdict is Verdict.error


@every_verifier
@each("text", HOSTILE)
def test_no_text_raises_or_passes(verifier: str, text: str) -> None:
    judge, form = built("verifier", verifier), built("answer_format", "hash")
    one = (golds_of(judge) or NUMBERS)[1]
    answer = response(one.prompt_id, text=text)
    rows = rows_of(judge.judge(one, answer, answer_format=form))
    check_rows(rows, answer)
    assert not golds_of(judge) or rows[-1].verdict is not Verdict.passed


@every_verifier
def test_killed_work_leaves_the_rows_it_would_have_had(verifier: str) -> None:
    judge, form = built("verifier", verifier), built("answer_format", "tags")
    for one in golds_of(judge):
        answer = response(one.prompt_id, text=form.write(one.answer))
        judged = judge.judge(one, answer, answer_format=form)
        if isinstance(judged, Costly):
            rows = pickle.loads(pickle.dumps(judged.work))()
            assert rows == judged.work()
            killed = judged.killed(Verdict.timeout, "too slow")
            check_rows(killed, answer)
            assert [row.rule for row in killed] == [row.rule for row in rows]
            assert killed[-1].verdict is Verdict.timeout


@every_format
@each("answer", ["18", "-3", "1,000", "7.5", "1/2", "New York"])
def test_what_a_format_writes_it_reads(answer_format: str, answer: str) -> None:
    form = built("answer_format", answer_format)
    reading = form.read(f"Steps of 3 and 4.\n{form.write(answer)}\n")
    assert reading is not None
    assert (reading.answer, reading.tier, reading.closed) == (answer, form.style, True)


@every_format
def test_a_format_asks_with_the_question_last(answer_format: str) -> None:
    messages = built("answer_format", answer_format).ask(prompt(question="1 + 1?"))
    assert [message["role"] for message in messages][-1] == "user"
    assert messages[-1]["content"].startswith("1 + 1?")


@pytest.mark.parametrize("name", ["quickstart", "quickstart_small"])
def test_the_ids_of_a_data_set_begin_with_its_name_and_split(name: str) -> None:
    dataset = built("dataset", name)
    splits = stages.load(dataset)
    assert all(splits[split] for split in Split)
    for split, prompts in splits.items():
        assert all(row.prompt_id.startswith(f"{dataset.name}/{split.value}/") for row in prompts)
    assert stages.load(dataset) == splits
