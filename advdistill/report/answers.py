"""Answers side by side: what two models wrote to the same problem.

What models wrote is data: the page holds it as JSON, and shows it as text and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from advdistill.compare.runs import FinishedRun
from advdistill.making import read_prompts
from advdistill.records import Item, Prompt, Split, Verdict
from advdistill.report.arms import ANCHORS, ROLES, STUDENT, Arm
from advdistill.report.readable import cut, label

PROBLEMS = 200
"""Drawn by a hash of their names, so that nobody chose them."""
_ANSWER, _QUESTION, _GOLD = 1200, 1600, 200
"""Characters that are shown of each."""
_MANY = 12
"""Arms beyond which the page holds fewer problems."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The problems of a test set with everybody's answers."""

    models: Sequence[str]
    shown: int
    """Problems in the page."""
    problems: int
    """Problems of the test set."""
    data: str
    """JSON that no markup can end."""


def answers(task: str, arms: Sequence[Arm]) -> Answers:
    """Return the first answer of each arm's first seed, and of the anchors, to drawn problems."""
    first = arms[0].runs[0]
    by_model: dict[str, Mapping[str, Item]] = {
        f"{label(arm.label)}, seed {run.seed}": _first_answers(run, task, STUDENT)
        for arm in arms
        for run in arm.runs[:1]
    }
    by_model |= {
        ROLES[role]: _first_answers(first, task, role)
        for role in ANCHORS
        if role in first.roles(task)
    }
    prompts = _prompts(first, task)
    drawn = _drawn(prompts, PROBLEMS if len(arms) <= _MANY else PROBLEMS // 4)
    return Answers(
        models=list(by_model),
        shown=len(drawn),
        problems=len(prompts),
        data=_embedded(
            {
                "models": list(by_model),
                "problems": [
                    {
                        **_problem(name, prompts[name]),
                        "answers": [_answer(items.get(name)) for items in by_model.values()],
                    }
                    for name in drawn
                ],
            }
        ),
    )


def _first_answers(run: FinishedRun, task: str, role: str) -> dict[str, Item]:
    return {item.item_id: item for item in reversed(run.items(task, role))}


def _prompts(run: FinishedRun, task: str) -> dict[str, Prompt]:
    own = task == run.tasks[0]
    stage = run.stages["load" if own else f"load/{task}"]
    return {prompt.prompt_id: prompt for prompt in read_prompts(stage.folder, Split.test)}


def _drawn(prompts: Mapping[str, Prompt], count: int) -> list[str]:
    """Return so many names in their own order, those whose hashes are lowest."""
    by_hash = sorted(prompts, key=lambda name: sha256(name.encode()).hexdigest())
    return sorted(by_hash[:count])


def _problem(name: str, prompt: Prompt) -> dict[str, object]:
    options = "".join(f"\n{option}" for option in prompt.choices or ())
    return {
        "name": label(name, 80),
        "question": cut(prompt.question + options, _QUESTION),
        "gold": cut(prompt.answer, _GOLD),
    }


def _answer(item: Item | None) -> dict[str, object] | None:
    if item is None:
        return None
    return {
        "text": cut(item.response, _ANSWER),
        "verdict": item.verdict.value,
        "right": item.verdict is Verdict.passed,
        "read": None if item.answer is None else cut(item.answer, _GOLD),
    }


def _embedded(value: object) -> str:
    """Return JSON in ASCII without the characters that mean something to a reader of HTML."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text
