"""What stops a run between two stages, however often they were made: too much went wrong."""

from __future__ import annotations

from advdistill.cache import Artefact
from advdistill.errors import DataError, StageError


def check_golds(dataset: str, checked: Artefact, *, allowed: int) -> None:
    """Check how many gold answers fail their own verifier.

    Raises:
        DataError: more than allowed.
    """
    failed = checked.meta["failed"]
    if failed > allowed:
        raise DataError(
            f"dataset '{dataset}': {failed} gold answers do not pass their own verifier (first: "
            f"{checked.meta['first']}); wanted at most {allowed}; all with reasons: "
            f"{checked.folder / 'failed.jsonl'}; fix the answers, choose another verifier, or "
            "raise max_unverified"
        )


def check_verdicts(rewards: Artefact, responses: Artefact, *, max_unjudged: float) -> None:
    """Check that each answer has a verdict, and how many were never found.

    Raises:
        StageError: an answer has none, or too many ended in error or timeout.
    """
    verdicts: dict[str, int] = rewards.meta["verdicts"]
    judged, answers = sum(verdicts.values()), responses.meta["answers"]
    if judged != answers:
        raise StageError(f"stage 'judge': {judged} verdicts for {answers} answers; wanted one each")
    unjudged = (verdicts["error"] + verdicts["timeout"]) / max(judged, 1)
    if unjudged > max_unjudged:
        raise StageError(
            f"stage 'judge': {unjudged:.1%} of the answers ended in error or timeout; wanted at "
            f"most {max_unjudged:.1%}; look at the rows of {rewards.folder / 'shards'} "
            "or raise max_unjudged"
        )
