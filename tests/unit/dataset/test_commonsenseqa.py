"""CommonsenseQA: its validation split is tested on, dev is taken out of train."""

from collections import Counter
from pathlib import Path

import pytest

from advdistill.records import AnswerKind, Prompt, Split
from tests.unit.dataset.building import load, write

LABELS = ["A", "B", "C", "D", "E"]
TEXTS = ["oven", "sink", "shelf", "garden", "attic"]


def flat(number: int) -> dict[str, object]:
    return {
        "id": f"{number:x}",
        "question": f"Where would you wash {number} plates?",
        "question_concept": "plate",
        "choices": {"label": LABELS, "text": TEXTS},
        "answerKey": "B",
    }


def nested(number: int) -> dict[str, object]:
    pairs = [{"label": label, "text": text} for label, text in zip(LABELS, TEXTS, strict=True)]
    question = {"question_concept": "plate", "choices": pairs, "stem": flat(number)["question"]}
    return {"answerKey": "B", "id": f"{number:x}", "question": question}


@pytest.mark.parametrize(
    ("row", "train", "test"),
    [
        (
            flat,
            "data/train-00000-of-00001.parquet",
            "data/validation-00000-of-00001.parquet",
        ),
        (nested, "commonsenseqa_train.jsonl.gz", "commonsenseqa_dev.jsonl.gz"),
        (nested, "train_rand_split.jsonl", "dev_rand_split.jsonl"),
    ],
)
def test_both_layouts_give_the_same_prompts(tmp_path: Path, row, train: str, test: str):
    write(tmp_path / train, [row(number) for number in range(6)])
    write(tmp_path / test, [row(number) for number in (6, 7)])
    prompts = load("commonsenseqa", path=tmp_path, dev=2)
    assert Counter(prompt.split for prompt in prompts) == {"test": 2, "dev": 2, "train": 4}
    assert prompts[0] == Prompt(
        prompt_id="commonsenseqa/test/00000",
        split=Split.test,
        question="Where would you wash 6 plates?",
        answer="B",
        kind=AnswerKind.choice,
        choices=("oven", "sink", "shelf", "garden", "attic"),
    )
