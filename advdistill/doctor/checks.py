"""Every check, in the order in which they are shown: what others stand on comes first."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from queue import Empty, Queue
from threading import Thread

from advdistill.doctor import (
    answers,
    configuration,
    data,
    machine,
    models,
    packages,
    storage,
    tracking,
)
from advdistill.doctor.finding import Finding, Health, Look, MissingError, skipped
from advdistill.doctor.subject import Subject

logger = logging.getLogger(__name__)

CHECKS: Mapping[str, tuple[Look[Subject], ...]] = {
    "packages": (
        packages.python,
        packages.requirements,
        packages.antlr,
        packages.lm_eval_version,
        packages.latex,
        packages.vllm_and_torch,
        packages.torchvision,
        packages.reachable_hub,
    ),
    "configuration": (configuration.configuration, packages.vllm_wanted),
    "outputs": (
        storage.writing,
        storage.replacing,
        storage.locking,
        storage.leftovers,
    ),
    "data": (
        data.data_sets,
        data.enough_tests,
        data.contamination,
        data.repeated_questions,
        data.pinned_revisions,
    ),
    "models": (
        models.models_there,
        models.chat_template,
        models.end_learnt,
        models.one_beginning,
        models.vocabulary,
        models.window,
    ),
    "answers": (
        answers.parser_parity,
        answers.gold_answers,
        answers.wrong_answers,
        answers.cut_off_answers,
        answers.answer_room,
        answers.stock_parity,
        answers.truncated_pool,
        answers.mixed_groups,
    ),
    "machine": (
        machine.disk,
        machine.memory,
        machine.gpu,
        machine.visible_gpus,
        machine.busy_gpus,
        machine.threads,
        machine.compiler,
        machine.clock,
    ),
    "tracking": (tracking.wandb_mode, tracking.wandb_sweep, tracking.secrets),
}
"""By subject. A check asks the `Subject` for what it looks at and returns one `Finding`."""

PATIENCE_SECONDS = 120.0


def examine(
    subject: Subject,
    checks: Mapping[str, tuple[Look[Subject], ...]] = CHECKS,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Iterator[tuple[str, str, Finding]]:
    """Yield the group, the name and the finding of each check; none of them ends the others."""
    for group, looks in checks.items():
        for look in looks:
            yield group, look.__name__, _outcome(look, subject, patience_seconds)


def _outcome(look: Look[Subject], subject: Subject, patience_seconds: float) -> Finding:
    """Return what the check found; one that does not end is left to itself."""
    answers: Queue[Finding] = Queue()
    Thread(target=lambda: answers.put(_found(look, subject)), daemon=True).start()
    try:
        return answers.get(timeout=patience_seconds)
    except Empty:
        return Finding(
            Health.crashed,
            f"no answer within {patience_seconds:g} s",
            "look what it waits for: a slow disk, or a hub that is not reached",
        )


def _found(look: Look[Subject], subject: Subject) -> Finding:
    try:
        return look(subject)
    except MissingError as why:
        return skipped(str(why))
    except Exception as error:  # whatever a check meets: the others go on
        logger.debug("check '%s'", look.__name__, exc_info=error)
        return Finding(
            Health.crashed,
            f"the check failed: {type(error).__name__}: {error}",
            "report it with these settings; the other checks are not affected",
        )
