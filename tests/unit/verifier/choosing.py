"""One question with four options, judged, for the tests of the choice verifier."""

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.records import AnswerKind, Finish, Prompt, Response, Reward, Split
from advdistill.verifier.choice import ChoiceVerifier

CHOICES = (
    "walk to the office",
    "take the early train",
    "borrow a small boat",
    "stay at home",
)
TEN = tuple(f"{letter}{letter} of it" for letter in "ABCDEFGHIJ")


def judge(
    text: str,
    *,
    gold: str = "B",
    choices: tuple[str, ...] | None = CHOICES,
    style: AnswerStyle = AnswerStyle.boxed,
    finish: Finish = Finish.stop,
) -> Reward:
    """Return the total row of one response."""
    prompt = Prompt(
        prompt_id="p",
        split=Split.test,
        question="How to arrive before eight?",
        answer=gold,
        kind=AnswerKind.choice,
        choices=choices,
    )
    response = Response(prompt_id="p", sample=3, text=text, tokens=None, finish=finish, teacher="t")
    form = AnswerFormat(style=style, instruction="", system=None, thinking=None)
    rule, total = ChoiceVerifier().judge(prompt, response, answer_format=form)
    assert (rule.rule, total.rule) == ("choice", "total")
    assert (rule.verdict, rule.value, rule.answer) == (total.verdict, total.value, total.answer)
    return total


def found(text: str, **settings: object) -> str:
    """Return the letter that is read, or else the verdict."""
    reward = judge(text, **settings)  # pyright: ignore[reportArgumentType]
    return reward.answer or reward.verdict.value
