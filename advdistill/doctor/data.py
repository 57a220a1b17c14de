"""Checks of the data sets: what makes a score mean less than it seems to."""

from __future__ import annotations

import re
from collections import defaultdict

from advdistill import stages
from advdistill.decontamination import overlaps
from advdistill.digests import settings_of
from advdistill.doctor.finding import Finding, bad, doubtful, good, skipped
from advdistill.doctor.subject import Subject
from advdistill.errors import AdvDistillError
from advdistill.records import Split

FEW_TESTS = 100
_COMMIT = re.compile(r"[0-9a-f]{40}")


def data_sets(subject: Subject) -> Finding:
    """Whether every data set can be read, with what it is needed for."""
    plan = subject.plan
    needed = {Split.train: [plan.dataset], Split.test: list(plan.held_out.values())}
    for split, datasets in needed.items():
        for dataset in datasets:
            try:
                stages.load(dataset, needed=split)
            except AdvDistillError as error:
                return bad(
                    str(error), "do as the message says; `advdistill validate` reads them too"
                )
    counts = " + ".join(f"{len(subject.splits[split])} {split.value}" for split in Split)
    return good(f"{plan.dataset.name}: {counts}")


def enough_tests(subject: Subject) -> Finding:
    """Whether there are test prompts, and enough of them to show a difference."""
    count = len(subject.splits[Split.test])
    if not count:
        return bad("no test prompt: nothing would be evaluated", "choose a data set with a test")
    if count < FEW_TESTS:
        points = 100 * 1.96 * (0.25 / count) ** 0.5
        return doubtful(
            f"{count} test prompts: a score of one half is good to {points:.0f} points only",
            "test on more; `advdistill power` says what a difference needs",
        )
    return good(f"{count} test prompts")


def contamination(subject: Subject) -> Finding:
    """Whether training prompts share passages with what this run is evaluated on."""
    settings, splits = subject.plan.settings, subject.splits
    tests = [*splits[Split.test], *(one for held in subject.held_out.values() for one in held)]
    train = [*splits[Split.train], *splits[Split.dev]]
    found = overlaps(train, tests, words=settings.overlap_words)
    if not found:
        return good(
            f"none of {len(train)} training prompts shares {settings.overlap_words} words in a "
            f"row with {len(tests)} test prompts"
        )
    told = (
        f"{len(found)} of {len(train)} training prompts share {settings.overlap_words} words in a "
        f"row with a test prompt (first: {found[0].train_id} and {found[0].held_out_id})"
    )
    if settings.decontaminate:
        return good(f"{told}; the run leaves them out")
    return bad(told, "set decontaminate=true, or look at them with `advdistill validate`")


def repeated_questions(subject: Subject) -> Finding:
    """Whether a question stands twice in what is trained on, with two answers at worst."""
    golds: dict[str, set[str]] = defaultdict(set)
    first: dict[str, str] = {}
    repeated: list[str] = []
    for prompt in [*subject.splits[Split.train], *subject.splits[Split.dev]]:
        asked = " ".join([*prompt.question.split(), *(prompt.choices or ())])
        if asked in golds:
            repeated.append(prompt.prompt_id)
        golds[asked].add(prompt.answer)
        first.setdefault(asked, prompt.prompt_id)
    torn = [first[asked] for asked, answers in golds.items() if len(answers) > 1]
    if torn:
        return bad(
            f"{len(torn)} questions have two gold answers (first: {torn[0]})",
            "correct or drop them: no answer to such a question can be judged",
        )
    if repeated:
        return doubtful(
            f"{len(repeated)} prompts ask what one before them asks (first: {repeated[0]})",
            "drop the copies, or know that they count twice",
        )
    return good("every question is asked once")


def pinned_revisions(subject: Subject) -> Finding:
    """Whether everything that comes from the hub is named by a commit, which cannot change."""
    plan = subject.plan
    parts = {
        "dataset": plan.dataset,
        **{f"held_out.{name}": one for name, one in plan.held_out.items()},
        "teacher": plan.teacher,
        "student": plan.student,
    }
    remote = {
        name: settings_of(part).get("revision")
        for name, part in parts.items()
        if "revision" in settings_of(part) and not part.sources()
    }
    loose = [name for name, pin in remote.items() if not _COMMIT.fullmatch(pin or "")]
    if loose:
        return doubtful(
            f"{', '.join(loose)}: a branch or nothing for a revision, which may change",
            "give the commit of 40 hex digits as `revision`",
        )
    if not remote:
        return skipped("nothing comes from the hub")
    return good(f"{', '.join(remote)} named by commit")
