"""Checks of reading and judging: what scores right answers as wrong, or wrong ones as right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from advdistill import stages
from advdistill.digests import settings_of
from advdistill.doctor.finding import Finding, bad, doubtful, good, skipped
from advdistill.doctor.subject import Subject
from advdistill.interfaces import Judge
from advdistill.judging import open_judge
from advdistill.planning.looking import Silent
from advdistill.records import Finish, Prompt, Response, Reward, Split, Verdict

MOST = 500
"""Prompts that are judged here; `advdistill validate` judges all."""
_STOCK_MOST = 25


def parser_parity(subject: Subject) -> Finding:
    """Whether an answer that the format writes is what the format reads."""
    answer_format = subject.plan.answer_format
    for prompt in _some(subject):
        written = answer_format.write(prompt.answer)
        reading = answer_format.read(f"So it is.\n{written}\n")
        if reading is None or "".join(reading.answer.split()) != "".join(prompt.answer.split()):
            found = "nothing" if reading is None else f"'{reading.answer[:60]}'"
            return bad(
                f"{prompt.prompt_id}: the gold answer '{prompt.answer[:60]}' is read back as "
                f"{found} in the format '{answer_format.style.value}'",
                "choose an answer_format that can hold these answers",
            )
    return good(f"answers are read as they are written ({len(_some(subject))} golds)")


def gold_answers(subject: Subject) -> Finding:
    """Whether the gold answers pass their own verifier."""
    plan, prompts = subject.plan, _some(subject)
    with open_judge(plan.verifier, plan.answer_format, processes=1) as judge:
        missed = stages.check(judge, prompts, answer_format=plan.answer_format)
    if len(missed) > plan.settings.max_unverified:
        prompt, total = missed[0]
        return bad(
            f"{len(missed)} of {len(prompts)} gold answers do not pass (first: {prompt.prompt_id} "
            f"'{prompt.answer[:60]}': {total.verdict.value}); allowed are "
            f"{plan.settings.max_unverified}",
            "list them with `advdistill validate`; fix them or choose another verifier",
        )
    return good(f"{len(prompts) - len(missed)} of {len(prompts)} gold answers pass")


def wrong_answers(subject: Subject) -> Finding:
    """Whether the verifier rejects what is wrong: no answer, and the gold of another prompt."""
    plan, prompts = subject.plan, _some(subject)
    others = [
        (prompt, other)
        for prompt, other in zip(prompts, [*prompts[1:], *prompts[:1]], strict=True)
        if prompt.answer != other.answer
    ]
    wrong = [(prompt, plan.answer_format.write(other.answer)) for prompt, other in others]
    silent = [(prompt, "I do not know.") for prompt in prompts[:_STOCK_MOST]]
    with open_judge(plan.verifier, plan.answer_format, processes=1) as judge:
        totals = _totals(judge, [*wrong, *silent])
    passed = [
        prompt.prompt_id
        for (prompt, _), total in zip([*wrong, *silent], totals, strict=True)
        if total.verdict is Verdict.passed
    ]
    # Two problems may well have equal answers in other words, such as 1/2 and 0.5.
    if len(passed) > max(1, len(totals) // 20):
        return bad(
            f"{len(passed)} of {len(totals)} wrong answers pass (first: {passed[0]})",
            "choose a verifier that compares with the gold answer",
        )
    return good(f"{len(totals) - len(passed)} of {len(totals)} wrong answers are rejected")


def cut_off_answers(subject: Subject) -> Finding:
    """Whether an answer that was cut off before its end is called truncated, not wrong."""
    plan = subject.plan
    [prompt] = _some(subject)[:1]
    response = replace(_response(prompt, "First I count the"), finish=Finish.length)
    with open_judge(plan.verifier, plan.answer_format, processes=1) as judge:
        [rows] = judge([(prompt, response)])
    if rows[-1].verdict is not Verdict.truncated:
        return doubtful(
            f"an answer that was cut off is judged '{rows[-1].verdict.value}'",
            "look at the truncated share before the verdicts are believed",
        )
    return good("an answer that was cut off is called truncated")


def stock_parity(subject: Subject) -> Finding:
    """Whether lm-eval's own task of the data set, where it has one, agrees on right answers."""
    evaluation: Any = subject.plan.evaluation
    prompts = subject.splits[Split.test][:_STOCK_MOST]
    if not prompts or not settings_of(evaluation).get("stock"):
        return skipped("no stock score is asked for")
    # Here, as lm-eval takes seconds to import.
    from advdistill.evaluation.stock import stock_scoring

    if stock_scoring(prompts[0].prompt_id.split("/")[0], prompts) is None:
        return skipped("lm-eval has no task of this data set that asks for words")
    scores = _stock_scores(subject, prompts)
    told = ", ".join(f"{name} {value:.0%}" for name, value in sorted(scores.items()))
    if max(scores.values()) < 1:
        return bad(
            f"of {len(prompts)} gold answers the run's verifier passes all, the stock task: {told}",
            "read the stock score as what it misses; report the run's own",
        )
    if min(scores.values()) < 1:
        return doubtful(
            f"of {len(prompts)} gold answers as this run writes them the stock task finds: {told}",
            "compare with published scores only by the filter that finds all",
        )
    return good(f"the stock task finds the same: {told}")


def answer_room(subject: Subject) -> Finding:
    """Whether students may write answers as long as those that they learn from."""
    plan = subject.plan
    taught = settings_of(plan.teacher).get("max_tokens")
    room = plan.evaluation.max_tokens
    if taught is None:
        return skipped("the teacher names no longest answer")
    if room < taught:
        return doubtful(
            f"the teacher may write {taught} tokens, a student in evaluation {room}: long answers "
            "would be cut off and scored as wrong",
            f"set evaluation.max_tokens={taught}",
        )
    return good(f"{room} tokens in evaluation for answers of up to {taught}")


def truncated_pool(subject: Subject) -> Finding:
    """Whether the pool, where it is there, has few answers that were cut off."""
    pool = subject.looked.cells[0].artefacts.get("judge")
    if pool is None:
        return skipped("there is no judged pool yet")
    verdicts: dict[str, int] = pool.meta["verdicts"]
    share = verdicts[Verdict.truncated.value] / max(sum(verdicts.values()), 1)
    if share > _CUT:
        return doubtful(
            f"{share:.1%} of the pool's answers were cut off; they are not trained on",
            "raise teacher.max_tokens; the pool is then made again",
        )
    return good(f"{share:.1%} of the pool's answers were cut off")


_CUT = 0.02


def mixed_groups(subject: Subject) -> Finding:
    """Whether enough prompts of the pool, where it is there, have answers of unequal reward."""
    weights = subject.looked.cells[0].artefacts.get("weigh")
    if weights is None:
        return skipped("there are no weights yet")
    share = weights.meta["health"].get("mixed_groups")
    if share is None:
        return skipped("the weights do not tell")
    if share < _MIXED:
        return doubtful(
            f"{share:.0%} of the prompts have answers of unequal reward; the others tell a "
            "weighting nothing",
            "choose problems that the teacher sometimes gets wrong, or sample hotter",
        )
    return good(f"{share:.0%} of the prompts have answers of unequal reward")


_MIXED = 0.1


@dataclass(frozen=True)
class _GoldEngine:
    """Writes each prompt's gold answer, in the order in which they are asked for."""

    tokenizer: Any
    golds: dict[tuple[int, ...], str]

    def generate(self, contexts: Sequence[Sequence[int]], **_: object) -> list[list[Any]]:
        from advdistill.engine.generation import Generation

        return [
            [
                Generation(
                    text=self.golds[tuple(context)], tokens=1, finish=Finish.stop, logprob_sum=None
                )
            ]
            for context in contexts
        ]


def _stock_scores(subject: Subject, prompts: Sequence[Prompt]) -> dict[str, float]:
    """Return what the stock task's metrics make of gold answers, as the run writes them."""
    from advdistill.evaluation.chat_model import ChatModel
    from advdistill.evaluation.measuring import measure
    from advdistill.models import prompt_ids

    plan = subject.plan
    settings: Any = plan.evaluation
    tokenizer = subject.tokenizers["student"]
    ids = prompt_ids(prompts, tokenizer, plan.answer_format)
    golds = {
        tuple(one): f"So it is.\n{plan.answer_format.write(prompt.answer)}"
        for one, prompt in zip(ids, prompts, strict=True)
    }
    engine: Any = _GoldEngine(tokenizer, golds)
    once = replace(settings, samples=1, temperature=0.0, loglikelihood=False)
    model = ChatModel(once, "gold", engine, answer_format=plan.answer_format, watch=Silent())
    with open_judge(plan.verifier, plan.answer_format, processes=1) as judge:
        scores = measure(model, prompts, judge).scores()
    return {score.metric: score.value for score in scores if score.metric.startswith("stock/")}


def _some(subject: Subject) -> list[Prompt]:
    every = [prompt for split in Split for prompt in subject.splits[split]]
    return every[:: max(1, len(every) // MOST)][:MOST]


def _totals(judge: Judge, pairs: Sequence[tuple[Prompt, str]]) -> list[Reward]:
    return [rows[-1] for rows in judge([(one, _response(one, text)) for one, text in pairs])]


def _response(prompt: Prompt, text: str) -> Response:
    return Response(
        prompt_id=prompt.prompt_id,
        sample=0,
        text=text,
        tokens=len(text),
        finish=Finish.stop,
        teacher="doctor",
    )
