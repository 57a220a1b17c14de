"""Compares the choice verifier with the labels recorded beside real multiple-choice responses.

    ADVDISTILL_DATA=<folder of real data> python -m benchmarks.choice_labels [--list]

A label is suspect where its own source did not read it in the response but guessed it; `suspect`
says how that is seen, without a look at our verdict.
"""

import argparse
import gzip
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from advdistill.answers import LETTERS, AnswerFormat, AnswerStyle
from advdistill.records import AnswerKind, Finish, Prompt, Response, Reward, Split, Verdict
from advdistill.verifier.choice import ChoiceVerifier

VERIFIER = ChoiceVerifier()
STYLES = {"mmlu_pro_recorded": AnswerStyle.letter, "csqa_recorded": AnswerStyle.boxed}
"""The files of responses and how their models were asked to answer."""
# TIGER-AI-Lab/MMLU-Pro: where this finds nothing, its labels rest on the last capital letter of the
# text, on a letter drawn at random, or, in its older files, on counting the answer as wrong.
_STATED = re.compile(r"answer is \(?([A-J])\)?")
# Tebmer/Rereading-LLM-Reasoning: the last box, else the last line; where that holds no letter, its
# labels rest on the option that shares most words with it, or on the first one.
_BOX = re.compile(r"boxed\{(.*?)\}")
_LETTER = re.compile(r"(?<![a-zA-Z])[ABCDE](?![a-zA-Z])")


class Judged(NamedTuple):
    """A response with its label and what the verifier made of it."""

    row: Mapping[str, Any]
    gold: str
    reward: Reward

    @property
    def agrees(self) -> bool:
        """Whether verifier and label say the same."""
        return (self.reward.verdict is Verdict.passed) == self.row["recorded_correct"]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How many labels of some responses the verifier agrees with."""

    answers: int
    agree: int

    def __str__(self) -> str:
        """Return the counts and their share."""
        share = self.agree / self.answers if self.answers else 1.0
        return f"{self.answers:8} {self.agree:8} {share:9.2%}"


def suspect(row: Mapping[str, Any]) -> bool:
    """Return whether a recorded response's label is a guess of its source, or contradicts itself.

    MMLU-Pro: its first pattern, `answer is (X)`, is not in the response, or the label is not what
    comparing the recorded letter with the recorded answer gives. CommonsenseQA: neither the last
    box nor, without a box, the last line holds a letter.
    """
    response = row["response"]
    if "row_answer" in row:
        consistent = (row["recorded_pred"] == row["row_answer"]) == row["recorded_correct"]
        return not _STATED.search(response) or not consistent
    boxes = _BOX.findall(response)
    return not _LETTER.search(boxes[-1] if boxes else response.split("\n")[-1])


def judged(folder: Path, name: str) -> Iterator[Judged]:
    """Yield every recorded response of a file of `STYLES` with the verifier's total row."""
    form = AnswerFormat(style=STYLES[name], instruction="", system=None, thinking=None)
    with gzip.open(folder / "responses" / f"{name}.jsonl.gz", "rt") as lines:
        for line in lines:
            problem = json.loads(line)
            prompt = prompt_of(problem)
            for row in problem["responses"]:
                response = response_of(prompt, row)
                reward = VERIFIER.judge(prompt, response, answer_format=form)[-1]
                yield Judged(row, prompt.answer, reward)


def prompt_of(problem: Mapping[str, Any]) -> Prompt:
    """Return the problem with its options in the order of their letters."""
    labelled = sorted(problem.get("choices", []), key=lambda one: LETTERS.index(one["label"]))
    return Prompt(
        prompt_id=problem["problem_id"],
        split=Split.test,
        question=problem["question"],
        answer=problem["gold"],
        kind=AnswerKind.choice,
        choices=tuple(problem.get("options") or [one["text"] for one in labelled]),
    )


def response_of(prompt: Prompt, row: Mapping[str, Any]) -> Response:
    """Return one recorded response as a finished one."""
    return Response(
        prompt_id=prompt.prompt_id,
        sample=row["sample"],
        text=row["response"],
        tokens=None,
        finish=Finish.stop,
        teacher=row["model"],
    )


def agreement(answers: list[Judged]) -> Agreement:
    """Return how many labels the verifier agrees with."""
    return Agreement(answers=len(answers), agree=sum(answer.agrees for answer in answers))


def print_tables(name: str, answers: list[Judged]) -> None:
    """Print the agreement per model and of all, with and without suspect labels."""
    models = sorted({answer.row["model"] for answer in answers})
    print(f"{name:42} {'without suspect labels':>27} {'with them':>27}")
    for model in [*models, "all"]:
        own = [answer for answer in answers if model in (answer.row["model"], "all")]
        known = [answer for answer in own if not suspect(answer.row)]
        print(f"{model:42} {agreement(known)!s} {agreement(own)!s}")


def print_disagreement(answer: Judged) -> None:
    """Print one response on which verifier and label part."""
    reward, row = answer.reward, answer.row
    print(
        f"\n{reward.prompt_id} {row['model']}{' (suspect label)' if suspect(row) else ''}: "
        f"gold {answer.gold}, label {row['recorded_correct']} from {row['recorded_pred']}, "
        f"verdict {reward.verdict}, read {reward.answer} ({reward.tier}, {reward.detail})"
        f"\n  {row['response'][-300:]!r}"
    )


def main() -> None:
    """Print the tables and, with `--list`, every disagreement with a label."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--list", action="store_true", help="print the disagreements")
    arguments = parser.parse_args()
    if (folder := os.environ.get("ADVDISTILL_DATA")) is None:
        sys.exit("ADVDISTILL_DATA is not set; wanted the folder that holds responses/")
    for name in STYLES:
        answers = list(judged(Path(folder), name))
        print_tables(name, answers)
        for answer in answers if arguments.list else []:
            if not answer.agrees:
                print_disagreement(answer)


if __name__ == "__main__":
    main()
