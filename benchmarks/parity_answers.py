"""The answers that `benchmarks.parity` compares: recorded, or built from the gold ones."""

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from advdistill.answers import LETTERS, AnswerFormat
from advdistill.build import build
from advdistill.cli.composing import compose_run
from advdistill.interfaces import Dataset
from advdistill.records import AnswerKind, Finish, Prompt, Split


@dataclass(frozen=True, slots=True)
class Source:
    """Where the answers to one data set come from, and what reads them."""

    name: str
    data_set: str
    verifier: str
    answer_format: str
    recorded: str | None = None
    """A file of recorded answers; None builds them from the gold answers of the data set."""
    settings: tuple[str, ...] = ()
    """Of the data set, beside its folder."""


_NO_TRAIN = ("dataset.train_from=dev", "dataset.dev=50")
SOURCES = (
    Source("gsm8k", "gsm8k", "number", "hash", "gsm8k_recorded"),
    Source("svamp", "svamp", "number", "boxed", "svamp_recorded"),
    Source("math_qwen_n8", "math", "math", "boxed", "math_qwen_n8"),
    Source("zeroeval_math-l5", "math", "math", "json", "zeroeval_math-l5"),
    Source("mmlu_pro", "mmlu_pro", "choice", "letter", "mmlu_pro_recorded"),
    Source("csqa", "commonsenseqa", "choice", "boxed", "csqa_recorded"),
    Source("openbookqa", "openbookqa", "choice", "letter"),
    Source("aqua", "aqua", "choice", "tags", settings=_NO_TRAIN),
    Source("commonsenseqa", "commonsenseqa", "choice", "json"),
    Source("math500", "math500", "math", "boxed"),
)

REWRITINGS = {
    "written": "{gold}",
    "other": "{other}",
    "worked": "First, think.\n\n{gold}",
    "trailing": "{gold}\nThat is all. Thanks!",
    "spaced": "{spaced}",
    "mind changed": "{other}\nNo: {gold}",
    "mind lost": "{gold}\nNo: {other}",
    "thought": "<think>{other}?</think>{gold}",
    "both": "{both}",
    "phrase": "So the answer is {bare}.",
    "boxed": "It is $\\boxed{{{bare}}}$.",
    "bare": "{bare}",
    "bold": "Final answer: **{bare}**",
    "cut off": "{cut}",
    "cut off behind": "{gold}\nAnd this is",
    "blank": "",
    "failed": "",
}
"""An answer built from the gold one and from another, each as the format writes it, the gold one
with spaces in its marker, both in one marker, the bare gold one, and the gold one cut off."""
_FINISHES = {
    "cut off": Finish.length,
    "cut off behind": Finish.length,
    "failed": Finish.error,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer with its problem."""

    prompt: Prompt
    text: str
    finish: Finish = Finish.stop
    label: bool | None = None
    """Whether its source recorded it as right."""


def component(group: str, option: str, kind: Any, *overrides: str) -> Any:
    """Return what `group=option` builds on the command line."""
    return build(group, compose_run([f"{group}={option}", *overrides])[group], kind)


def answered(source: Source, folder: Path, answer_format: AnswerFormat) -> Iterator[Answered]:
    """Yield the answers of a source: recorded ones mixed by a hash, or built ones."""
    if source.recorded is None:
        settings = (f"dataset.path={folder}", *source.settings)
        data_set = component("dataset", source.data_set, Dataset, *settings)
        held_out = [prompt for prompt in data_set.load() if prompt.split is Split.test]
        yield from built(held_out, answer_format)
        return
    pairs = [
        (problem, row, place)
        for problem in _lines(folder / f"responses/{source.recorded}.jsonl.gz")
        for place, row in enumerate(problem["responses"])
    ]
    pairs.sort(key=lambda pair: sha256(f"{pair[0]['problem_id']} {pair[2]}".encode()).digest())
    for problem, row, place in pairs:
        yield Answered(
            prompt=_prompt(source, problem, place),
            text=row["response"],
            label=row.get("recorded_correct"),
        )


def built(prompts: Sequence[Prompt], answer_format: AnswerFormat) -> Iterator[Answered]:
    """Yield answers to all prompts, then as many of other rewritings, until each had each."""
    names = list(REWRITINGS)
    for turn in range(len(names)):
        for number, prompt in enumerate(prompts):
            name = names[(turn + number) % len(names)]
            yield Answered(
                prompt=replace(prompt, prompt_id=f"{prompt.prompt_id}/{name}"),
                text=_rewritten(name, prompt, answer_format),
                finish=_FINISHES.get(name, Finish.stop),
            )


def _rewritten(name: str, prompt: Prompt, answer_format: AnswerFormat) -> str:
    gold, other, write = prompt.answer, _other(prompt), answer_format.write
    return REWRITINGS[name].format(
        gold=write(gold),
        other=write(other),
        spaced=write(f"  {gold} "),
        both=write(f"{gold} or {other}"),
        bare=gold,
        cut=write(gold)[:-1],
    )


def _prompt(source: Source, problem: dict[str, Any], place: int) -> Prompt:
    options = problem.get("choices") or problem.get("options")
    texts = [one["text"] if isinstance(one, dict) else one for one in options or ()]
    kinds = {"number": AnswerKind.number, "math": AnswerKind.math, "choice": AnswerKind.choice}
    return Prompt(
        prompt_id=f"{source.data_set}/test/{problem['problem_id']}/{place}",
        split=Split.test,
        question=problem["question"],
        answer=str(problem["gold"]),
        kind=kinds[source.verifier],
        choices=tuple(texts) or None,
    )


def _other(prompt: Prompt) -> str:
    """Return an answer that is not the gold one."""
    if not prompt.choices:
        return "12345"
    return LETTERS[(LETTERS.index(prompt.answer) + 1) % len(prompt.choices)]


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
