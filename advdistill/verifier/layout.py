"""Checks that the answer stands where it was asked for, be it right or wrong."""

from dataclasses import dataclass, replace

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.records import Prompt, Response, Reward, Verdict
from advdistill.verdicts import reward, unfinished, with_total

_TAGS = ("<think>", "</think>", "<answer>", "</answer>")


@dataclass(frozen=True, kw_only=True)
class LayoutVerifier:
    """Passes a response whose answer stands in the marker of the format's own style.

    The style `tags` asks for four parts: each tag counts if it stands exactly once, behind those
    before it that do. Every other style asks for one.
    """

    partial: bool
    """Whether some of the parts are worth their share; otherwise they are worth nothing."""

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward]:
        """Return the row of the rule `layout` and the row `total`, which say the same."""
        del prompt
        reading = answer_format.read(response.text)
        if row := unfinished(response, "layout", reading):
            return with_total(row)
        if answer_format.style is AnswerStyle.tags:
            parts = _tags_in_place(response.text)
        else:
            parts = [reading is not None and reading.tier == answer_format.style]
        if all(parts):
            return with_total(reward(response, "layout", Verdict.passed))
        detail = f"{sum(parts)} of {len(parts)} parts stand where they should"
        row = reward(response, "layout", Verdict.failed, detail=detail)
        return with_total(replace(row, value=self.partial * sum(parts) / len(parts)))


def _tags_in_place(text: str) -> list[bool]:
    """Return for each tag whether it stands once, behind those before it that do."""
    found: list[bool] = []
    end = 0
    for tag in _TAGS:
        start = text.find(tag)
        found.append(start >= end and text.count(tag) == 1)
        end = start + len(tag) if found[-1] else end
    return found
