"""The rows that every verifier writes."""

from advdistill.answers import Reading
from advdistill.records import TOTAL, Finish, Response, Reward, Verdict

_VALUES = {Verdict.passed: 1.0, Verdict.failed: 0.0, Verdict.unparsed: 0.0}


def reward(
    response: Response,
    rule: str,
    verdict: Verdict,
    *,
    answer: str | None = None,
    tier: str | None = None,
    detail: str | None = None,
) -> Reward:
    """Return a rule's row with the value that its verdict carries."""
    return Reward(
        prompt_id=response.prompt_id,
        sample=response.sample,
        rule=rule,
        value=_VALUES.get(verdict),
        verdict=verdict,
        answer=answer,
        tier=tier,
        detail=detail,
    )


def with_total(row: Reward) -> list[Reward]:
    """Return the row of a verifier's only rule, and a total that says the same."""
    total = Reward(
        prompt_id=row.prompt_id,
        sample=row.sample,
        rule=TOTAL,
        value=row.value,
        verdict=row.verdict,
        answer=row.answer,
        tier=row.tier,
        detail=row.detail,
    )
    return [row, total]


def unfinished(response: Response, rule: str, reading: Reading | None) -> Reward | None:
    """Return the row of an answer that failed or was cut off before its end; None for others."""
    if response.finish is Finish.error:
        return reward(response, rule, Verdict.error, detail="the teacher failed on this prompt")
    if response.finish is Finish.length and (reading is None or not reading.closed):
        return reward(response, rule, Verdict.truncated, detail="cut off before its final answer")
    return None
