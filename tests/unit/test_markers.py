"""Finding the last complete marker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.markers import last_mark

PIECES = st.sampled_from(
    ["\\boxed{", "\\fbox{", "{", "}", "\\{", "\\}", "\\\\", "a", " ", "\\boxed"]
)


@given(st.lists(PIECES).map("".join))
def test_the_box_that_opens_last_of_the_closed_ones_is_found(text: str):
    mark = last_mark(text, "boxed")
    assert (mark and (mark.start, mark.answer)) == last_box(text)


def last_box(text: str) -> tuple[int, str] | None:
    """Return where the last closed box begins and what it holds, by trying each in turn."""
    for start in range(len(text), 0, -1):
        if text.endswith(("\\boxed{", "\\fbox{"), 0, start):
            content = closed(text[start:])
            if content and content.strip():
                return start, content.strip()
    return None


def closed(text: str) -> str | None:
    """Return what stands before the brace that closes an open one."""
    depth, place = 1, 0
    while place < len(text):
        if text[place] == "\\" and text[place + 1 : place + 2] in ("{", "}", "\\"):
            boxed = text.startswith(("\\\\boxed", "\\\\fbox"), place)
            place += 1 if boxed else 2
            continue
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return text[:place]
        place += 1
    return None


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("#### 5\nA: 6", "line"),
        ("A: 6\n#### 5", "hash"),
        ("The answer is 5\nA: 6", "line"),
        ("The answer is \\boxed{5}", "boxed"),
        ("The answer is #### 5", "hash"),
        ("#### The answer is 5", "phrase"),
        ("\\boxed{the answer is 5}", "boxed"),
        ("<answer>\\boxed{5}</answer>", "boxed"),
        ("<answer>the answer is 5</answer>", "tags"),
        ('{"answer": "the answer is 5"}', "json"),
    ],
)
def test_without_the_styles_own_the_last_of_all_markers_is_found(text: str, tier: str):
    own = {"boxed", "tags", "json", "hash"} - {tier} - set(tiers(text))
    mark = last_mark(text, min(own))
    assert mark
    assert mark.tier == tier


def tiers(text: str) -> list[str]:
    """Return the styles whose own marker the text holds."""
    signs = {"boxed": "\\boxed", "tags": "<answer>", "json": '"answer"', "hash": "####"}
    return [tier for tier, sign in signs.items() if sign in text]
