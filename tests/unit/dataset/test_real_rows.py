"""Every data set that the folder of real data holds, row by row."""

from collections import Counter
from pathlib import Path

import pytest

from advdistill.answers import LETTERS
from advdistill.dataset.aqua import AquaTrain
from advdistill.dataset.math import last_box
from advdistill.dataset.problems import question_key
from advdistill.records import AnswerKind, Prompt, Split
from advdistill.rows import read_rows
from tests.unit.dataset.building import built, load

pytestmark = pytest.mark.data

SETS = {
    "gsm8k": {},
    "math": {},
    "math500": {},
    "openbookqa": {},
    "mmlu_pro": {},
    "aqua": {"train_from": AquaTrain.dev, "dev": 50},
    "commonsenseqa": {},
    "svamp": {},
}
"""Each with the settings that the folder needs."""


@pytest.fixture(scope="module", params=SETS)
def real(request: pytest.FixtureRequest, data: Path) -> tuple[str, list[Prompt]]:
    """A data set's name and its prompts."""
    return request.param, load(request.param, path=data, **SETS[request.param])


COUNTS = {
    "gsm8k": (7273, 200, 1319),
    "math": (7269, 200, 5000),
    "math500": (7270, 200, 500),
    "openbookqa": (4912, 500, 500),
    "mmlu_pro": (9832, 200, 2000),
    "aqua": (204, 50, 254),
    "commonsenseqa": (9241, 500, 1221),
    "svamp": (600, 100, 300),
}
"""Train, dev and test."""


def test_the_splits_have_their_sizes(real: tuple[str, list[Prompt]]):
    name, prompts = real
    counts = Counter(prompt.split for prompt in prompts)
    assert tuple(counts[split] for split in Split) == COUNTS[name]


def test_ids_are_unique_and_readable(real: tuple[str, list[Prompt]]):
    name, prompts = real
    assert len({prompt.prompt_id for prompt in prompts}) == len(prompts)
    assert all(prompt.prompt_id.startswith(f"{name}/{prompt.split}/") for prompt in prompts)


def test_no_question_is_in_two_splits(real: tuple[str, list[Prompt]]):
    homes: dict[str, set[Split]] = {}
    for prompt in real[1]:
        homes.setdefault(question_key(prompt.question), set()).add(prompt.split)
    assert {len(splits) for splits in homes.values()} == {1}


def test_every_gold_answer_is_of_its_kind(real: tuple[str, list[Prompt]]):
    for prompt in real[1]:
        if prompt.kind is AnswerKind.choice:
            assert prompt.choices is not None
            assert prompt.answer in LETTERS[: len(prompt.choices)]
            assert all(choice == choice.strip() != "" for choice in prompt.choices)
        elif prompt.kind is AnswerKind.number:
            assert float(prompt.answer).is_integer()
            assert prompt.choices is None
        else:
            assert prompt.answer == prompt.answer.strip() != ""


FIRST = {
    "gsm8k": ("gsm8k/test/00000", "18", None),
    "math": ("math/test/00000", "2", "Algebra"),
    "math500": ("math500/test/00000", r"\left( 3, \frac{\pi}{2} \right)", "Precalculus"),
    "openbookqa": ("openbookqa/test/00000", "B", None),
    "mmlu_pro": ("mmlu_pro/test/00000", "I", "business"),
    "aqua": ("aqua/test/00000", "A", None),
    "commonsenseqa": ("commonsenseqa/test/00000", "A", None),
    "svamp": ("svamp/test/00000", "51", "Subtraction"),
}


def test_the_first_prompt_is_as_published(real: tuple[str, list[Prompt]]):
    name, prompts = real
    assert (prompts[0].prompt_id, prompts[0].answer, prompts[0].subject) == FIRST[name]


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("gsm8k", ["gsm8k_test", "gsm8k_train"]),
        ("math", ["math_test", "math_train_answers"]),
        ("math500", ["math500_test", "math_train_answers"]),
        ("openbookqa", ["openbookqa_test", "openbookqa_dev", "openbookqa_train"]),
        ("mmlu_pro", ["mmlu_pro_test"]),
        ("aqua", ["aqua_test", "aqua_dev"]),
        ("commonsenseqa", ["commonsenseqa_dev", "commonsenseqa_train"]),
        ("svamp", ["svamp"]),
    ],
)
def test_of_the_whole_folder_its_own_files_are_read(data: Path, name: str, files: list[str]):
    sources = built(name, path=data, **SETS[name]).sources()
    assert sources == [data / f"{file}.jsonl.gz" for file in files]


def test_all_of_mmlu_pro_can_be_tested_on(data: Path):
    prompts = load("mmlu_pro", path=data, test=None, dev=0, train=0)
    assert len(prompts) == 12_032
    assert Counter(len(prompt.choices or ()) for prompt in prompts)[10] == 9_981
    assert len({prompt.subject for prompt in prompts}) == 14


def test_the_last_box_of_a_solution_is_the_published_answer(data: Path):
    rows = [row for _, row in read_rows(data / "math500_test.jsonl.gz")]
    differ = [row for row in rows if last_box(str(row["solution"])) != row["answer"]]
    assert len(rows) == 500
    assert differ == []
