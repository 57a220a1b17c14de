"""What holds for every verifier with every answer format, and for the formats themselves."""

from pathlib import Path

import pytest

from advdistill import stages
from advdistill.records import Finish, Prompt, Split, Verdict
from tests.builders import options, prompt, response
from tests.contract.components import component

KNOWN = (Verdict.passed, Verdict.failed, Verdict.unparsed)
PROMPTS = [prompt(f"p/{n}", answer=a) for n, a in enumerate(["0", "18", "-3", "1,000", "7.5"])]
every_pair = pytest.mark.parametrize("answer_format", options("answer_format"))
every_verifier = pytest.mark.parametrize("verifier", options("verifier"))


@every_pair
@every_verifier
def test_the_gold_answer_passes(verifier: str, answer_format: str) -> None:
    judge, form = component("verifier", verifier), component("answer_format", answer_format)
    assert stages.check(judge, PROMPTS, answer_format=form) == []


@every_pair
@every_verifier
def test_every_gold_answer_of_the_quickstart_passes(verifier: str, answer_format: str) -> None:
    prompts: list[Prompt] = list(component("dataset", "quickstart").load())
    judge, form = component("verifier", verifier), component("answer_format", answer_format)
    assert stages.check(judge, prompts, answer_format=form) == []


@pytest.mark.data
@every_pair
@every_verifier
def test_every_recorded_gold_answer_passes(verifier: str, answer_format: str, data: Path) -> None:
    prompts = list(component("dataset", "gsm8k_recorded").load())
    judge, form = component("verifier", verifier), component("answer_format", answer_format)
    assert stages.check(judge, prompts, answer_format=form) == []


@every_pair
@every_verifier
@pytest.mark.parametrize("finish", list(Finish))
@pytest.mark.parametrize("text", ["", "#### 18", "\\boxed{18}", "#### 19", "words", "#### 1" * 99])
def test_the_last_row_is_the_total_and_only_known_verdicts_carry_a_value(
    verifier: str, answer_format: str, finish: Finish, text: str
) -> None:
    judge, form = component("verifier", verifier), component("answer_format", answer_format)
    one = response(prompt_id="p/1", sample=5, text=text, finish=finish)
    rows = judge.judge(PROMPTS[1], one, answer_format=form)
    assert rows == judge.judge(PROMPTS[1], one, answer_format=form)
    assert [row.rule for row in rows].count("total") == 1
    assert rows[-1].rule == "total"
    assert len({row.rule for row in rows}) == len(rows)
    assert {(row.prompt_id, row.sample) for row in rows} == {("p/1", 5)}
    for row in rows:
        assert (row.value is not None) == (row.verdict in KNOWN)


@every_pair
@pytest.mark.parametrize("answer", ["18", "-3", "1,000", "7.5", "1/2", "New York"])
def test_what_a_format_writes_it_reads(answer_format: str, answer: str) -> None:
    form = component("answer_format", answer_format)
    reading = form.read(f"Steps of 3 and 4.\n{form.write(answer)}\n")
    assert reading is not None
    assert (reading.answer, reading.tier, reading.closed) == (answer, form.style, True)


@every_pair
def test_a_format_asks_with_the_question_last(answer_format: str) -> None:
    messages = component("answer_format", answer_format).ask("1 + 1?")
    assert [message["role"] for message in messages][-1] == "user"
    assert messages[-1]["content"].startswith("1 + 1?")


@pytest.mark.parametrize("name", ["quickstart", "quickstart_small"])
def test_the_ids_of_a_data_set_begin_with_its_name_and_split(name: str) -> None:
    dataset = component("dataset", name)
    splits = stages.load(dataset)
    assert all(splits[split] for split in Split)
    for split, prompts in splits.items():
        assert all(row.prompt_id.startswith(f"{dataset.name}/{split.value}/") for row in prompts)
    assert stages.load(dataset) == splits
