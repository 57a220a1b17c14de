"""The rows that every verifier writes."""

from dataclasses import fields

from advdistill.answers import Reading
from advdistill.records import TOTAL, Finish, Response, Reward, Verdict

_VALUES = {Verdict.passed: 1.0, Verdict.failed: 0.0, Verdict.unparsed: 0.0}
_SETTERS = tuple(getattr(Reward, field.name).__set__ for field in fields(Reward))


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
    value = _VALUES.get(verdict)
    return _row(response.prompt_id, response.sample, rule, value, verdict, answer, tier, detail)


def with_total(row: Reward) -> list[Reward]:
    """Return the row of a verifier's only rule, and a total that says the same."""
    said = (row.value, row.verdict, row.answer, row.tier, row.detail)
    return [row, _row(row.prompt_id, row.sample, TOTAL, *said)]


def unfinished(response: Response, rule: str, reading: Reading | None) -> Reward | None:
    """Return the row of an answer that failed or was cut off before its end; None for others."""
    if response.finish is Finish.error:
        return reward(response, rule, Verdict.error, detail="the teacher failed on this prompt")
    if response.finish is Finish.length and (reading is None or not reading.closed):
        return reward(response, rule, Verdict.truncated, detail="cut off before its final answer")
    return None


def _row(*values: object) -> Reward:
    """Return the row of these values, in the order of its fields.

    Slot by slot, since there are two of them for every answer judged: the `__init__` of a frozen
    record takes more than twice as long.
    """
    row = object.__new__(Reward)
    for put, value in zip(_SETTERS, values, strict=True):
        put(row, value)
    return row
