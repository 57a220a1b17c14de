"""Scores an answer with the scorer that a task of reasoning-gym brings along."""

import math
from dataclasses import dataclass, replace
from functools import partial

from advdistill.answers import AnswerFormat
from advdistill.errors import ConfigError
from advdistill.interfaces import Costly
from advdistill.records import Prompt, Response, Reward, Verdict
from advdistill.verdicts import reward, unfinished, with_total

_RULE = "reasoning_gym"


@dataclass(frozen=True, kw_only=True)
class ReasoningGymVerifier:
    """Passes a response whose marked answer gets `pass_at` or more from the task's own scorer.

    Foreign code, some of it slow and some of it made to evaluate the answer: it runs where it can
    be killed, and gets no answer that would be run as code.
    """

    pass_at: float
    """The score from which an answer passes; the value is the score itself."""
    seconds: float
    """How long a scorer may take."""
    megabytes: int
    """How much memory a scorer may add to its process."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: the limits are not above 0, or no score can pass.
        """
        if not (0 < self.pass_at <= 1 and 0 < self.seconds < math.inf and self.megabytes > 0):
            raise ConfigError(
                f"verifier 'reasoning_gym': pass_at is {self.pass_at}, seconds {self.seconds} and "
                f"megabytes {self.megabytes}; wanted a score up to 1, and limits above 0"
            )

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward] | Costly:
        """Return the row of the rule `reasoning_gym` and the row `total`, which say the same."""
        # here, so that planning a run does not load the library; the judging processes find the
        # module in the work that they are sent, and load it before any deadline counts
        from advdistill.verifier.scorers import judged

        reading = answer_format.read(response.text)
        if row := unfinished(response, _RULE, reading):
            return with_total(row)
        if reading is None:
            detail = "no marked answer found"
            return with_total(reward(response, _RULE, Verdict.unparsed, detail=detail))
        row = reward(response, _RULE, Verdict.error, answer=reading.answer, tier=reading.tier)
        return Costly(
            work=partial(judged, row, prompt.metadata, pass_at=self.pass_at),
            killed=partial(_killed, row),
            seconds=self.seconds,
            megabytes=self.megabytes,
        )


def _killed(row: Reward, verdict: Verdict, detail: str) -> list[Reward]:
    return with_total(replace(row, verdict=verdict, answer=None, detail=detail))
