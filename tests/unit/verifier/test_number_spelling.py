"""Taking away what hides a number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.verifier.number_spelling import THIN, plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<<9*2=18>>18", "18"),
        ("\\$1{,}000", "$1,000"),
        ("1\\,000", f"1{THIN}000"),
        ("2\\frac{1}{2}", "2 1/2"),
        ("2\u00bd", "2 1/2"),
        ("1.5\\times10^{3}", "1.5e3"),
        ("\\text{cm}^{2}", "cm "),
        ("\u20ac5\u22123", "$5-3"),
        ("**5**", "5"),
        ("2**3", "2**3"),
        ("11_2", "11_2"),
    ],
)
def test_a_spelling_becomes_plain(text: str, expected: str):
    assert plain(text) == expected


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=126, blacklist_characters="<\\{}~^`_*"))
)
def test_no_rule_changes_a_text_of_plain_signs(text: str):
    assert plain(text) == text
    assert plain(f"{text}`") == text
