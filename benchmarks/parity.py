"""Pushes answers through the verifier and through the lm-eval task: both must say the same of each.

    ADVDISTILL_DATA=<folder of real data> python -m benchmarks.parity [--answers 1000] [--list]
                                                                     [--only gsm8k,openbookqa]

Recorded answers of real models where there are some; else answers built from the gold one by the
rewritings of `parity_answers`. Beside our accuracy stands that of lm-eval's own task on the same
answers, and how the two part, by class; `--list` names every answer on which they part. The exit
status is 1 where verifier and task differ on any answer.
"""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from advdistill.answers import AnswerFormat
from advdistill.engine.generation import Continuation, Decoding, Generation, Likelihood
from advdistill.evaluation.chat_model import ChatModel
from advdistill.evaluation.lm_eval import LmEval
from advdistill.evaluation.measuring import Measured, measure
from advdistill.interfaces import Evaluation, Judge, Verifier
from advdistill.judging import open_judge
from advdistill.models import load_tokenizer
from advdistill.records import Item, Response, Reward, Verdict
from benchmarks.parity_answers import SOURCES, Answered, Source, answered, component


@dataclass
class Recited:
    """An engine that says what was written before, in order."""

    tokenizer: PreTrainedTokenizerBase
    answers: Iterator[Answered]

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        decoding: Decoding,  # noqa: ARG002 (the answers are written already)
        seeds: Sequence[Sequence[int]],
    ) -> list[list[Generation]]:
        """Return the next answers."""
        assert all(len(row) == 1 for row in seeds)
        assert len(prompts) == len(seeds)
        return [[_generation(one)] for one in islice(self.answers, len(prompts))]

    def likelihoods(self, continuations: Sequence[Continuation]) -> list[Likelihood]:
        """Refuse: options are not weighed here."""
        raise NotImplementedError(f"{len(continuations)} options were asked for")


class Quiet:
    """A watch that shows nothing."""

    def report(self, numbers: object, step: int) -> None:
        """Take numbers."""

    def progress(self, done: int, total: int) -> None:
        """Take progress."""


def main() -> None:
    """Print one table of agreement and, for each stock task, how it parts from ours."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--answers", type=int, default=1000, help="answers per data set")
    parser.add_argument("--list", action="store_true", help="print where the stock task differs")
    parser.add_argument("--only", default="", help="names of the sources, with commas")
    arguments = parser.parse_args()
    folder = os.environ.get("ADVDISTILL_DATA")
    if folder is None:
        sys.exit("ADVDISTILL_DATA is not set; wanted the folder that holds responses/")
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    names = set(filter(None, arguments.only.split(",")))
    print(f"{'source':18} {'answers':>8} {'agree':>8} {'right':>7}  verdicts; seconds")
    differing = sum(
        compared(source, Path(folder), arguments.answers, listed=arguments.list)
        for source in SOURCES
        if not names or source.name in names
    )
    print(f"\n{differing} answers on which verifier and lm-eval task differ")
    sys.exit(int(differing > 0))


def compared(source: Source, folder: Path, count: int, *, listed: bool) -> int:
    """Print what a source gives; return on how many answers verifier and task differ."""
    answer_format = component("answer_format", source.answer_format, AnswerFormat)
    answers = list(islice(answered(source, folder, answer_format), count))
    verifier = component("verifier", source.verifier, Verifier)
    started = time.perf_counter()
    with open_judge(verifier, answer_format, processes=1) as judge:
        measured = through_task(answers, answer_format, judge)
        direct = directly(answers, judge)
    differing = differences(measured, direct)
    verdicts = Counter(item.verdict for item in measured.items)
    shares = ", ".join(f"{verdicts[one]} {one.value}" for one in Verdict if verdicts[one])
    print(
        f"{source.name:18} {len(answers):8} {len(answers) - len(differing):8} "
        f"{verdicts[Verdict.passed] / len(answers):7.1%}  {shares}; "
        f"{time.perf_counter() - started:.0f} s"
    )
    for difference in differing:
        print(f"  DIFFERS {difference}")
    print_stock(measured, answers, listed=listed)
    return len(differing)


def differences(measured: Measured, direct: Sequence[Reward]) -> list[str]:
    """Return the answers of which the task says another thing than the verifier."""
    accuracies = measured.values[measured.task, "accuracy"]
    return [
        f"{item.item_id}: task {item.verdict} {item.answer!r} {accuracies[item.item_id, 0]}, "
        f"verifier {reward.verdict} {reward.answer!r}"
        for item, reward in zip(measured.items, direct, strict=True)
        if (item.item_id, item.verdict, item.answer, accuracies[item.item_id, 0])
        != (reward.prompt_id, reward.verdict, reward.answer, reward.verdict is Verdict.passed)
    ]


def through_task(
    answers: Sequence[Answered], answer_format: AnswerFormat, judge: Judge
) -> Measured:
    """Return what the lm-eval task finds of the answers."""
    settings = component("evaluation", "lm_eval", Evaluation, "evaluation.loglikelihood=false")
    assert isinstance(settings, LmEval)
    engine = Recited(tokenizer=load_tokenizer("builtin:tiny_student", None), answers=iter(answers))
    model = ChatModel(settings, "recited", engine, answer_format=answer_format, watch=Quiet())
    return measure(model, [one.prompt for one in answers], judge)


def directly(answers: Sequence[Answered], judge: Judge) -> list[Reward]:
    """Return the verifier's total rows, asked for in another order and one by one."""
    rows = [judge([(one.prompt, _response(one))])[0][-1] for one in reversed(answers)]
    return rows[::-1]


def print_stock(measured: Measured, answers: Sequence[Answered], *, listed: bool) -> None:
    """Print the stock scores, and the answers on which they part from ours, by class."""
    ours = measured.values[measured.task, "accuracy"]
    for (_, metric), values in measured.values.items():
        if not metric.startswith("stock/"):
            continue
        print(f"  {metric:24} right {sum(values.values()) / len(values):.1%}")
        parted = [
            (item, one)
            for item, one in zip(measured.items, answers, strict=True)
            if ours[item.item_id, 0] != values[item.item_id, 0]
        ]
        classes = Counter(_class(item, one) for item, one in parted)
        for name, number in classes.most_common():
            print(f"    {number:5} {name}")
        for item, one in parted if listed else []:
            print(f"      {_class(item, one)}: {item.item_id} gold {one.prompt.answer!r}")
            print(f"        read {item.answer!r} in {one.text[-160:]!r}")


def _class(item: Item, answer: Answered) -> str:
    """Return who says that an answer is right, what it holds, and what its source recorded."""
    right = item.verdict is Verdict.passed
    said = "ours right, stock wrong" if right else f"ours {item.verdict}, stock right"
    marks = {"####": "####", "\\boxed": "a box", '"answer"': "JSON", "answer is": "the answer is"}
    held = next((name for mark, name in marks.items() if mark in answer.text), "no marker")
    label = {True: "right", False: "wrong", None: "nothing"}[answer.label]
    return f"{said}; answered with {held}; its source recorded {label}"


def _generation(answer: Answered) -> Generation:
    return Generation(text=answer.text, tokens=1, finish=answer.finish, logprob_sum=None)


def _response(answer: Answered) -> Response:
    return _generation(answer).response(answer.prompt.prompt_id, 0, teacher="recited")


if __name__ == "__main__":
    main()
