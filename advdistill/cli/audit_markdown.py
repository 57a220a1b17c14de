"""The audit of a run as Markdown; no text of a model or data set can break out of its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from advdistill.audit import Contradiction, Groups, Report, Tier
from advdistill.audit_disagreement import Disagreement, Judged
from advdistill.audit_weights import Reweighing
from advdistill.cli.showing import cell, code, fenced
from advdistill.records import TOTAL, Reward, Verdict

LISTED = 20
"""Prompts of a list; their number is given, too."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the report is about."""

    folder: str
    name: str
    components: Mapping[str, str]
    """What each group of the run's configuration spells."""
    second: str
    """How the second verifier was asked for."""
    sample: int
    seed: int


def markdown(header: Header, report: Report, reweighing: Reweighing | None) -> str:
    """Return the report; without `reweighing` its last section says how to get it."""
    sections = [
        _head(header, report),
        _verdicts(report),
        _tiers(report.tiers),
        _groups(report.groups),
        _contradictions(report.contradictions),
        _disagreement(header, report.disagreement, report.parted),
        _weights(reweighing),
        _examples(report.examples),
    ]
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def _head(header: Header, report: Report) -> Iterator[str]:
    yield f"# Audit of {code(header.name)}"
    yield ""
    yield f"- run: {code(header.folder, 300)}"
    for group in ("dataset", "teacher", "verifier", "answer_format", "weighting"):
        if group in header.components:
            yield f"- {group}: {code(header.components[group], 200)}"
    yield f"- second verifier: {code(header.second, 200)}"
    yield f"- {report.answers} answers to {report.groups.prompts} prompts"


def _verdicts(report: Report) -> Iterator[str]:
    yield "## Verdicts"
    yield ""
    names = [verdict.value for verdict in Verdict]
    rules = report.verdicts
    # A verifier of one rule has a total that says the same.
    shown = [TOTAL] if len(rules) == 2 else list(rules)
    rows = [
        [cell(rule), *(_share(rules[rule].get(v, 0), report.answers) for v in Verdict)]
        for rule in shown
    ]
    yield from _table(["rule", *names], rows)


def _tiers(tiers: Sequence[Tier]) -> Iterator[str]:
    yield "## Where the answers were found"
    yield ""
    total = sum(tier.answers for tier in tiers)
    rows = [
        [
            "none" if tier.name is None else cell(tier.name),
            _share(tier.answers, total),
            _share(tier.passed, tier.answers),
        ]
        for tier in tiers
    ]
    yield from _table(["tier", "answers", "of these pass"], rows)


def _groups(groups: Groups) -> Iterator[str]:
    yield "## Groups"
    yield ""
    yield (
        f"{_share(groups.mixed, groups.prompts)} of the prompts are mixed: only there do the "
        "rewards tell one answer from another."
    )
    yield ""
    bins = _bins(groups)
    most = max(bins.values(), default=0) or 1
    rows = [
        [label, str(count), f"`{'#' * round(30 * count / most)}`" if count else ""]
        for label, count in bins.items()
    ]
    yield from _table(["pass", "prompts", ""], rows)


def _bins(groups: Groups) -> dict[str, int]:
    """Return the prompts by k of N, or by tenths where groups are large or of many sizes."""
    widths = {answers for _, answers in groups.sizes}
    if len(widths) == 1 and max(widths) <= 16:
        [width] = widths
        return {f"{k}/{width}": groups.sizes.get((k, width), 0) for k in range(width + 1)}
    labels = ["none", *(f"{low}-{low + 10} %" for low in range(0, 100, 10)), "all"]
    counts: Counter[str] = Counter()
    for (passed, answers), prompts in groups.sizes.items():
        inner = labels[1 + min(9, 10 * passed // answers)]
        label = "none" if not passed else "all" if passed == answers else inner
        counts[label] += prompts
    return {label: counts[label] for label in labels}


def _contradictions(found: Sequence[Contradiction]) -> Iterator[str]:
    yield "## Majorities that contradict the gold answer"
    yield ""
    yield (
        f"{len(found)} prompts, most of whose answers agree on another value: a wrong label, or a "
        "mistake that the teacher makes often."
    )
    if found:
        yield ""
    for one in found[:LISTED]:
        yield (
            f"- {code(one.prompt.prompt_id)}: gold {code(one.prompt.answer)}, but "
            f"{one.votes} of {one.read} say {code(one.answer)}; {one.passed} pass. "
            f"{code(one.prompt.question, 240)}"
        )
    yield from _rest(len(found))


def _disagreement(header: Header, found: Disagreement, parted: Sequence[Judged]) -> Iterator[str]:
    yield "## The second verifier"
    yield ""
    apart = found.only_first + found.only_second
    yield (
        f"On {header.sample} answers drawn with seed {header.seed}, both know whether "
        f"{found.compared} are right and part on {apart}: {found.share:.2%} (95 % interval "
        f"{found.low:.2%} to {found.high:.2%}). Only the run's verifier passes "
        f"{found.only_first}, only the second {found.only_second}."
    )
    yield ""
    firsts = [v for v in Verdict if any(pair[0] is v for pair in found.table)]
    seconds = [v for v in Verdict if any(pair[1] is v for pair in found.table)]
    yield from _table(
        ["run's \\ second", *(verdict.value for verdict in seconds)],
        [[a.value, *(str(found.table.get((a, b), 0)) for b in seconds)] for a in firsts],
    )
    for one in parted:
        yield ""
        yield from _case(one)


def _weights(found: Reweighing | None) -> Iterator[str]:
    yield "## If the second verifier had judged"
    yield ""
    if found is None:
        yield "Not looked at; leave out `--quick`."
        return
    yield (
        f"Of {found.answers} verdicts {found.verdicts} change, and with them "
        f"{_share(found.changed, found.answers)} of the weights, in "
        f"{_share(len(found.affected), found.prompts)} of the prompts: {found.flipped} change "
        f"sign, {found.to_zero} become 0, {found.from_zero} were 0. What moves is "
        f"{found.moved_share:.2%} of the sum of the absolute weights."
    )
    if found.stale:
        yield ""
        yield (
            f"**{found.stale} stored weights are not what the run's weighting gives with the "
            "installed version;** the comparison is with what it gives now."
        )
    if found.affected:
        yield ""
    for one in found.affected[:LISTED]:
        yield (
            f"- {code(one.prompt_id)}: {one.passed_before} of {one.answers} pass, then "
            f"{one.passed_after}; {one.flipped} change sign; weights move by {one.moved:.3g}"
        )
    yield from _rest(len(found.affected))


def _examples(examples: Mapping[Verdict, Sequence[Judged]]) -> Iterator[str]:
    yield "## Examples"
    for verdict, cases in examples.items():
        for one in cases:
            yield ""
            yield f"### {verdict.value}"
            yield ""
            yield from _case(one)


def _case(one: Judged) -> Iterator[str]:
    """Yield an answer with what each verifier says of it."""
    name, gold = one.prompt.prompt_id, one.prompt.answer
    yield f"- {code(name)}, answer {one.response.sample}, gold {code(gold)}"
    yield f"- the run's: {_says(one.total)}"
    if one.second is not None:
        yield f"- the second: {_says(one.second)}"
    yield ""
    yield fenced(one.response.text)


def _says(reward: Reward) -> str:
    read = f", read {code(reward.answer)}" if reward.answer is not None else ""
    tier = f" by {code(reward.tier)}" if reward.tier is not None else ""
    detail = f": {code(reward.detail, 160)}" if reward.detail else ""
    return f"{reward.verdict.value}{read}{tier}{detail}"


def _rest(count: int) -> Iterator[str]:
    if count > LISTED:
        yield f"- and {count - LISTED} more"


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (names, ["---"] * len(names), *rows):
        yield "| " + " | ".join(row) + " |"


def _share(count: int, of: int) -> str:
    return f"{count} ({count / max(of, 1):.1%})"
