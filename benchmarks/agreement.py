"""Compares the number verifier with the labels recorded beside real responses.

    ADVDISTILL_DATA=<folder of real data> python -m benchmarks.agreement [--run RUN] [--list]

With `--run`, the verdicts are those that a run of `+experiment=gsm8k_recorded` stored; without, the
responses are judged here. A label is the one its source recorded, or the one a reading by hand put
in its place.
"""

import argparse
import gzip
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.records import TOTAL, AnswerKind, Finish, Prompt, Response, Reward, Split, Verdict
from advdistill.tables import read_rows
from advdistill.verifier.number import NumberVerifier

FORMAT = AnswerFormat(style=AnswerStyle.hash, instruction="", system=None, thinking=None)
VERIFIER = NumberVerifier(relative_tolerance=0.0)
RESPONSES = "responses/gsm8k_recorded.jsonl.gz"
LABELS = "responses/gsm8k_label_adjudication.jsonl"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A response with its label and what the verifier made of it."""

    source: str
    model: str
    gold: str
    label: bool | None
    """None where the reading by hand found the response ambiguous."""
    reward: Reward
    tail: str

    @property
    def agrees(self) -> bool:
        """Whether verifier and label say the same."""
        return (self.reward.verdict is Verdict.passed) == self.label


def main() -> None:
    """Print the agreement per source and, with `--list`, every disagreement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--list", action="store_true", help="print the disagreements")
    parser.add_argument("--run", type=Path, help="folder of a finished run of gsm8k_recorded")
    arguments = parser.parse_args()
    folder = os.environ.get("ADVDISTILL_DATA")
    if folder is None:
        sys.exit("ADVDISTILL_DATA is not set; wanted the folder that holds " + RESPONSES)
    verdicts = None if arguments.run is None else stored_verdicts(arguments.run)
    answers = list(judged(Path(folder), verdicts))
    print_table(answers)
    for answer in answers if arguments.list else []:
        if answer.label is not None and not answer.agrees:
            print_disagreement(answer)


def stored_verdicts(run: Path) -> dict[tuple[str, int], Reward]:
    """Return the total rewards of a run by problem id and place among the problem's responses."""
    judge_folder = Path(json.loads((run / "stages.json").read_text())["judge"]["folder"])
    rewards = read_rows(judge_folder / "rewards.parquet", Reward)
    return {
        (reward.prompt_id.rpartition("/")[2], reward.sample): reward
        for reward in rewards
        if reward.rule == TOTAL
    }


def judged(folder: Path, verdicts: dict[tuple[str, int], Reward] | None = None) -> Iterator[Judged]:
    """Yield every recorded response with its stored verdict, or judged here."""
    corrections = [json.loads(line) for line in (folder / LABELS).read_text().splitlines()]
    corrected = {
        (row["problem_id"], row["source"], row["model"], row.get("sample")): row
        for row in corrections
    }
    with gzip.open(folder / RESPONSES, "rt") as lines:
        for line in lines:
            problem = json.loads(line)
            for place, row in enumerate(problem["responses"]):
                key = (problem["problem_id"], place)
                yield Judged(
                    source=row["source"],
                    model=row["model"],
                    gold=problem["gold"],
                    label=label_of(problem["problem_id"], row, corrected),
                    reward=judge(problem, row) if verdicts is None else verdicts[key],
                    tail=row["response"][-160:],
                )


def label_of(
    problem_id: str,
    row: dict[str, Any],
    corrected: dict[tuple[str, str, str, int | None], dict[str, Any]],
) -> bool | None:
    """Return the hand-read label of this very text, else the recorded one."""
    for sample in (row["sample"], None):
        correction = corrected.get((problem_id, row["source"], row["model"], sample))
        if correction and row["response"].endswith(correction["response_tail"]):
            return correction["adjudicated"]
    return row["recorded_correct"]


def judge(problem: dict[str, Any], row: dict[str, Any]) -> Reward:
    """Return the verifier's total row."""
    prompt = Prompt(
        prompt_id=problem["problem_id"],
        split=Split.test,
        question=problem["question"],
        answer=problem["gold"],
        kind=AnswerKind.number,
    )
    response = Response(
        prompt_id=problem["problem_id"],
        sample=row["sample"],
        text=row["response"],
        tokens=None,
        finish=Finish.stop,
        teacher=row["model"],
    )
    return VERIFIER.judge(prompt, response, answer_format=FORMAT)[-1]


def print_table(answers: list[Judged]) -> None:
    """Print one line per source and one for all of them."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for answer in answers:
        groups[answer.source].append(answer)
        groups["all"].append(answer)
    print(
        f"{'source':32} {'answers':>8} {'agree':>8} {'share':>8} {'disagree':>9} {'ambiguous':>10}"
    )
    for source in sorted(groups, key=lambda name: (name == "all", name)):
        known = [answer for answer in groups[source] if answer.label is not None]
        agree = sum(answer.agrees for answer in known)
        print(
            f"{source:32} {len(known):8} {agree:8} {agree / len(known):8.2%} "
            f"{len(known) - agree:9} {len(groups[source]) - len(known):10}"
        )


def print_disagreement(answer: Judged) -> None:
    """Print one response on which verifier and label part."""
    reward = answer.reward
    print(
        f"\n{reward.prompt_id} {answer.model}: gold {answer.gold}, label {answer.label}, "
        f"verdict {reward.verdict}, read {reward.answer} ({reward.tier})\n  {answer.tail!r}"
    )


if __name__ == "__main__":
    main()
