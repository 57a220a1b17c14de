from collections.abc import Sequence
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from advdistill.audit import Pool, audit
from advdistill.audit_weights import PromptChange, Reweighing
from advdistill.cli.audit_markdown import LISTED, Header, markdown
from advdistill.records import Reward, Verdict
from tests.builders import prompt, response, reward

HEADER = Header(
    folder="outputs/runs/r/1", name="r", components={"verifier": "V a=1"}, second="against=v",
    sample=2, seed=0,
)  # fmt: skip
EVIL = (
    "x`|```\n# Evil\n\n<script>alert(1)</script> [a](javascript:b)\n\n~~~\n"
    "\x1b[2J\x9b0m\u202e\ud800\r| a |\n| --- |\n"
)
NOTHING = Reweighing(
    answers=3, prompts=1, verdicts=0, changed=0, flipped=0, to_zero=0, from_zero=0,
    moved_share=0.0, affected=(), stale=0,
)  # fmt: skip


def report_of(rows: Sequence[Reward], *, evil: str = "", reweighing: Reweighing | None = None):
    names = dict.fromkeys(row.prompt_id for row in rows)
    pool = Pool(
        prompts={
            name: replace(prompt(name, question="?" + evil), answer="2" + evil) for name in names
        },
        responses=[response(row.prompt_id, row.sample, text="#### 3" + evil) for row in rows],
        rewards=rows,
        weights=[],
    )
    second = [replace(row, verdict=Verdict.passed, value=1.0) for row in rows]
    return markdown(HEADER, audit(pool, second, sample=500, seed=0), reweighing)


def evil_rows(evil: str) -> list[Reward]:
    return [
        replace(
            reward("p" + evil.replace("\ud800", ""), sample, verdict=verdict, answer="3" + evil),
            tier="hash" + evil,
            detail="because" + evil,
        )
        for sample, verdict in enumerate([Verdict.failed, Verdict.failed, Verdict.unparsed])
    ]


def structure(text: str) -> list[str]:
    """Return the kinds of Markdown's blocks and spans in their order."""
    tokens = MarkdownIt().enable("table").parse(text)
    return [
        kind
        for token in tokens
        for kind in (token.type, *(child.type for child in token.children or []))
    ]


def test_no_text_breaks_out_of_its_place() -> None:
    change = PromptChange(
        prompt_id="p" + EVIL, answers=3, passed_before=1, passed_after=2, flipped=0, moved=0.5
    )
    tame, wild = (
        report_of(
            evil_rows(evil),
            evil=evil,
            reweighing=replace(NOTHING, affected=[replace(change, prompt_id="p" + evil)]),
        )
        for evil in (" evil", EVIL)
    )
    assert all(line.isprintable() for line in wild.split("\n"))
    assert structure(wild) == structure(tame)
    assert "heading_open" in structure(wild)


def test_a_report_shows_shares_majorities_and_examples() -> None:
    text = report_of(evil_rows(""), reweighing=NOTHING)
    assert "| `total` | 0 (0.0%) | 2 (66.7%) | 1 (33.3%) |" in text
    assert "| `hash` | 3 (100.0%) | 0 (0.0%) |" in text
    assert "| 0/3 | 1 |" in text
    assert "- `p`: gold `2`, but 3 of 3 say `3`; 0 pass. `?`" in text
    assert "both know whether 3 are right and part on 3: 100.00%" in text
    assert "| fail | 2 |" in text
    assert "### fail" in text
    assert "### pass" not in text
    assert "Of 3 verdicts 0 change" in text


def test_without_reweighing_the_report_says_how_to_get_it() -> None:
    assert "leave out `--quick`" in report_of(evil_rows(""))


def test_stale_weights_stand_out() -> None:
    text = report_of(evil_rows(""), reweighing=replace(NOTHING, stale=3))
    assert "**3 stored weights are not what" in text


def test_long_lists_are_cut_and_counted() -> None:
    rows = [
        reward(f"p{number}", sample, verdict=Verdict.failed, answer="3")
        for number in range(LISTED + 7)
        for sample in range(2)
    ]
    text = report_of(rows)
    assert text.count("2 of 2 say `3`") == LISTED
    assert "- and 7 more" in text


@pytest.mark.parametrize(
    ("sizes", "labels"),
    [
        ([(0, 2), (1, 2)], ["0/2", "1/2", "2/2"]),
        ([(0, 1), (2, 2), (1, 2)], ["none", "50-60 %", "all"]),
        ([(0, 64), (64, 64), (63, 64), (1, 64)], ["none", "0-10 %", "90-100 %", "all"]),
    ],
)
def test_groups_are_shown_one_by_one_or_by_tenths(
    sizes: list[tuple[int, int]], labels: list[str]
) -> None:
    rows = [
        reward(f"p{number}", sample, verdict=Verdict.passed if sample < k else Verdict.failed)
        for number, (k, n) in enumerate(sizes)
        for sample in range(n)
    ]
    section = report_of(rows).partition("## Groups")[2].partition("## ")[0]
    table = {
        cells[1].strip(): cells[2].strip()
        for line in section.splitlines()
        if len(cells := line.split("|")) == 5
    }
    assert [label for label in labels if label in table] == labels
    shown = {label: count for label, count in table.items() if count.isdecimal() and int(count)}
    assert sum(map(int, shown.values())) == len(sizes)
