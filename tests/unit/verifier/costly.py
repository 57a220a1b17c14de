"""A verifier whose work is costly, without being so."""

from dataclasses import dataclass
from functools import partial

from advdistill.answers import AnswerFormat
from advdistill.interfaces import Costly
from advdistill.records import Prompt, Response, Reward, Verdict
from advdistill.verdicts import reward, with_total
from advdistill.verifier.number import NumberVerifier


@dataclass(frozen=True, kw_only=True)
class CostlyVerifier:
    """Judges numbers as work."""

    seconds: float = 1.0
    megabytes: int = 32

    def judge(self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat) -> Costly:
        """Return the work; how to tell that it was killed does not pickle."""
        return Costly(
            work=partial(_work, prompt, response, answer_format),
            killed=lambda verdict, detail: _killed(response, verdict, detail),
            seconds=self.seconds,
            megabytes=self.megabytes,
        )


def _work(prompt: Prompt, response: Response, answer_format: AnswerFormat) -> list[Reward]:
    number = NumberVerifier(relative_tolerance=0.0)
    return number.judge(prompt, response, answer_format=answer_format)


def _killed(response: Response, verdict: Verdict, detail: str) -> list[Reward]:
    return with_total(reward(response, "costly", verdict, detail=detail))
