"""Compares the verifiers with the labels recorded beside real responses.

    ADVDISTILL_DATA=<folder of real data> python -m benchmarks.agreement [SOURCE ...] [--list]
    ADVDISTILL_DATA=<folder of real data> python -m benchmarks.agreement --run RUN [--list]

A label is the one its source recorded, or the one that the data's own adjudication put in its
place; labels that the data calls ambiguous or suspect are left out. `read` is the agreement once
the disagreements have been read: `read_by_hand.jsonl` says of each whether the response is right.
With `--run`, the verdicts are those that a run of `+experiment=gsm8k_recorded` stored; without, the
responses are judged here.
"""

import argparse
import gzip
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from advdistill.answers import LETTERS, AnswerFormat
from advdistill.build import build
from advdistill.interfaces import Verifier
from advdistill.judging import open_judge
from advdistill.making import read_shards
from advdistill.records import TOTAL, AnswerKind, Finish, Prompt, Response, Reward, Split, Verdict

CONF = Path(__file__).parents[1] / "conf"
LABELS = "responses/gsm8k_label_adjudication.jsonl"
READ = Path(__file__).with_name("read_by_hand.jsonl")


class Source(NamedTuple):
    """How the responses of one file are judged."""

    verifier: str
    answer_format: str
    kind: AnswerKind


SOURCES = {
    "gsm8k_recorded": Source("number", "hash", AnswerKind.number),
    "zeroeval_gsm": Source("number", "json", AnswerKind.number),
    "svamp_recorded": Source("number", "boxed", AnswerKind.number),
    "math_qwen_n8": Source("math", "boxed", AnswerKind.math),
    "zeroeval_math-l5": Source("math", "json", AnswerKind.math),
    "mmlu_pro_recorded": Source("choice", "letter", AnswerKind.choice),
    "csqa_recorded": Source("choice", "boxed", AnswerKind.choice),
}

Key = tuple[str, str, str, int | None]
"""Problem, source, model and, where the labels tell them apart, sample."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A response with its labels and what the verifier made of it."""

    group: str
    model: str
    gold: str
    label: bool | None
    """None where the data calls the label ambiguous or suspect."""
    read: bool | None
    """Whether the response is right by a reading of ours; the label where none was needed."""
    reward: Reward
    tail: str

    @property
    def passed(self) -> bool:
        """Whether the verifier passes the response."""
        return self.reward.verdict is Verdict.passed


def main() -> None:
    """Print the agreement per source and, with `--list`, every disagreement with a label."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help=", ".join(SOURCES))
    parser.add_argument("--list", action="store_true", help="print the disagreements")
    parser.add_argument("--run", type=Path, help="folder of a finished run of gsm8k_recorded")
    arguments = parser.parse_args()
    if unknown := set(arguments.sources) - set(SOURCES):
        sys.exit(f"no source {min(unknown)!r}; there are {', '.join(SOURCES)}")
    names = ["gsm8k_recorded"] if arguments.run else arguments.sources or list(SOURCES)
    if (folder := os.environ.get("ADVDISTILL_DATA")) is None:
        sys.exit("ADVDISTILL_DATA is not set; wanted the folder that holds " + LABELS)
    for name in names:
        answers = list(judged(Path(folder), name, run=arguments.run))
        print_table(answers)
        for answer in answers if arguments.list else []:
            if answer.label is not None and answer.passed != answer.label:
                print_disagreement(answer)


def judged(folder: Path, name: str, *, run: Path | None = None) -> Iterator[Judged]:
    """Yield every recorded response of a source with its stored verdict, or judged here."""
    with gzip.open(folder / "responses" / f"{name}.jsonl.gz", "rt") as lines:
        problems = [json.loads(line) for line in lines]
    pairs = [(problem, row) for problem in problems for row in problem["responses"]]
    totals = stored(run, problems) if run else judge(SOURCES[name], problems)
    adjudicated = labels((folder / LABELS).read_text().splitlines(), "adjudicated")
    by_hand = labels(
        (line for line in READ.read_text().splitlines() if json.loads(line)["file"] == name),
        "right",
    )
    for (problem, row), reward in zip(pairs, totals, strict=True):
        label = label_of(problem, row, adjudicated, row["recorded_correct"])
        yield Judged(
            group=f"{name} {row['source']}",
            model=row["model"],
            gold=problem["gold"],
            label=None if row.get("label_suspect") else label,
            read=label_of(problem, row, by_hand, label),
            reward=reward,
            tail=row["response"][-160:],
        )


def labels(lines: Iterable[str], column: str) -> dict[Key, dict[str, Any]]:
    """Return the rows by problem, source, model and sample, with the label as `label`."""
    rows = [json.loads(line) for line in lines]
    return {
        (row["problem_id"], row["source"], row["model"], row.get("sample")): {
            "label": row[column],
            "tail": row.get("response_tail", ""),
        }
        for row in rows
    }


def label_of(
    problem: Mapping[str, Any],
    row: Mapping[str, Any],
    corrected: Mapping[Key, Mapping[str, Any]],
    default: bool | None,
) -> bool | None:
    """Return the corrected label of this very text, else the default."""
    for sample in (row["sample"], None):
        found = corrected.get((problem["problem_id"], row["source"], row["model"], sample))
        if found and row["response"].endswith(found["tail"]):
            return found["label"]
    return default


def stored(run: Path, problems: list[dict[str, Any]]) -> list[Reward]:
    """Return the total rewards of a run, in the order of the problems and their responses."""
    judge_folder = Path(json.loads((run / "stages.json").read_text())["judge"]["folder"])
    totals = {
        (reward.prompt_id.rpartition("/")[2], reward.sample): reward
        for reward in read_shards(judge_folder, Reward)
        if reward.rule == TOTAL
    }
    return [
        totals[problem["problem_id"], place]
        for problem in problems
        for place in range(len(problem["responses"]))
    ]


def judge(source: Source, problems: list[dict[str, Any]]) -> list[Reward]:
    """Return the verifier's total rows, in the order of the problems and their responses."""
    verifier = build("verifier", settings("verifier", source.verifier), Verifier)
    form = build("answer_format", settings("answer_format", source.answer_format), AnswerFormat)
    answers = [
        (prompt_of(problem, source.kind), response_of(problem, row))
        for problem in problems
        for row in problem["responses"]
    ]
    with open_judge(verifier, form, processes=1) as judge_all:
        return [rows[-1] for rows in judge_all(answers)]


def settings(group: str, option: str) -> DictConfig:
    """Return a YAML of `conf`."""
    node = OmegaConf.load(CONF / group / f"{option}.yaml")
    assert isinstance(node, DictConfig)
    return node


def prompt_of(problem: Mapping[str, Any], kind: AnswerKind) -> Prompt:
    """Return the problem, its options in the order of their letters."""
    options = problem.get("options") or [
        choice["text"]
        for choice in sorted(problem.get("choices", []), key=lambda c: LETTERS.index(c["label"]))
    ]
    return Prompt(
        prompt_id=problem["problem_id"],
        split=Split.test,
        question=problem["question"],
        answer=problem["gold"],
        kind=kind,
        choices=tuple(options) or None,
    )


def response_of(problem: Mapping[str, Any], row: Mapping[str, Any]) -> Response:
    """Return one recorded response as a finished one."""
    return Response(
        prompt_id=problem["problem_id"],
        sample=row["sample"],
        text=row["response"],
        tokens=None,
        finish=Finish.stop,
        teacher=row["model"],
    )


def print_table(answers: list[Judged]) -> None:
    """Print one line per group of a source."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for answer in answers:
        groups[answer.group].append(answer)
    print(
        f"{'source':48} {'answers':>8} {'agree':>8} {'share':>8} {'disagree':>9} "
        f"{'left out':>9} {'read':>9}"
    )
    for name, group in sorted(groups.items()):
        known = [answer for answer in group if answer.label is not None]
        agree = sum(answer.passed == answer.label for answer in known)
        read = sum(answer.passed == answer.read for answer in known)
        print(
            f"{name:48} {len(known):8} {agree:8} {agree / len(known):8.2%} "
            f"{len(known) - agree:9} {len(group) - len(known):9} {read / len(known):9.2%}"
        )


def print_disagreement(answer: Judged) -> None:
    """Print one response on which verifier and label part."""
    reward = answer.reward
    print(
        f"\n{reward.prompt_id} {answer.group.split()[-1]} {answer.model}: gold {answer.gold}, "
        f"label {answer.label}, by hand {answer.read}, verdict {reward.verdict}, "
        f"read {reward.answer} ({reward.tier}, {reward.detail})\n  {answer.tail!r}"
    )


if __name__ == "__main__":
    main()
