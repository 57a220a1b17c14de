"""Reading a number as people and models write it."""

import gzip
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.verifier.numerals import general_value, parse_number, value_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18.", 18),
        ("0012", 12),
        ("+18 dollars", 18),
        (".5", Fraction(1, 2)),
        ("-.5", Fraction(-1, 2)),
        ("1000.00", 1000),
        ("\uff15", 5),
        ("\u0663", 3),
        ("\u7b54\u6848\u662f5\u3002", 5),
        ("5\U0001f600", 5),
        ("5\0", 5),
        ("\ud8005", 5),
        ("is\u20285", 5),
        ("\u202e321\u202c", 321),
    ],
)
def test_digits_are_read(text: str, expected: Fraction | int):
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234,567.25", Fraction("1234567.25")),
        ("10{,}000", 10_000),
        ("11,\\! 111,\\! 111,\\! 100", 11_111_111_100),
        ("1\\,234", 1234),
        ("1\u202f234\u202f567", 1_234_567),
        ("1 234 567.5", Fraction("1234567.5")),
        ("$9 500.", 9500),
        ("1'234'567", 1_234_567),
        ("1\u2019234.5", Fraction("1234.5")),
        ("1_000_000", 1_000_000),
        ("12,34,567", 1_234_567),
        ("1.234.567,89", Fraction("1234567.89")),
        ("1.234.567", 1_234_567),
        ("1.234,5", Fraction("1234.5")),
        ("1 234,56", Fraction("1234.56")),
        ("1.234", Fraction("1.234")),
        ("1,234", 1234),
        ("1,5", None),
        ("0,234", None),
        ("1,23", None),
        ("1,234,56", None),
        ("1,234 567", None),
        ("1.5.2", None),
        ("1 2", None),
        ("11_2", None),
    ],
)
def test_separators_are_read_where_they_can_mean_one_thing_only(
    text: str, expected: Fraction | int | None
):
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$5", 5),
        ("\\$5", 5),
        ("5 $", 5),
        ("-$5", -5),
        ("$-5$", -5),
        ("\u00a35", 5),
        ("-\u20ac5", -5),
        ("5 \u20ac", 5),
        ("US$5", 5),
        ("USD5", 5),
        ("USD 5", 5),
        ("USD-5", -5),
        ("5 USD", 5),
        ("Rs.5", 5),
        ("Rs. 5", 5),
        ("\u20b91,00,000", 100_000),
        ("50%", 50),
        ("50\\%", 50),
        ("10\\text{ cm}^2", 10),
        ("360 in^3", 360),
        ("5 cm\u00b2", 5),
        ("90^\\circ", 90),
        ("90\u00b0", 90),
        ("5m", 5),
        ("10 miles per hour", 10),
        ("$5/hour", 5),
        ("5-gallon buckets", 5),
        ("Total - 5", 5),
        ("5 dozen", 5),
        ("5th", 5),
        ("#5", 5),
    ],
)
def test_units_and_currencies_change_nothing(text: str, expected: int):
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- 5", -5),
        *((f"{dash}5", -5) for dash in "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"),
        ("--5", None),
    ],
)
def test_every_dash_is_a_minus(text: str, expected: int | None):
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3/4", Fraction(3, 4)),
        ("3 / 4", Fraction(3, 4)),
        ("1\u20442", Fraction(1, 2)),
        ("\u2154", Fraction(2, 3)),
        ("-1/-2", Fraction(1, 2)),
        ("\\frac{3}{4}", Fraction(3, 4)),
        ("-\\dfrac{3}{4}", Fraction(-3, 4)),
        ("\\frac{1}{-2}", Fraction(-1, 2)),
        ("\\frac12", Fraction(1, 2)),
        ("\\frac 1 2", Fraction(1, 2)),
        ("\\frac{1}2", Fraction(1, 2)),
        ("\\tfrac1{12}", Fraction(1, 12)),
        ("2\\frac{1}{2}", Fraction(5, 2)),
        ("2\\frac12", Fraction(5, 2)),
        ("2\u00bd", Fraction(5, 2)),
        ("-24 2/3", Fraction(-74, 3)),
        ("2:30 pm", Fraction(5, 2)),
        ("2:00", 2),
        ("3:4", None),
        ("3/0", None),
        ("1/2/3", None),
        ("\\frac123", None),
        ("\\frac{1}{2}3", None),
        ("-\\frac{-1}{2}", None),
    ],
)
def test_fractions_mixed_numbers_and_times_are_exact(text: str, expected: Fraction | None):
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e6", 10**6),
        ("1E-2", Fraction(1, 100)),
        ("1.5 \\times 10^{3}", 1500),
        ("1.5\u00d710^-3", Fraction(3, 2000)),
        ("10^3", 1000),
        ("-10^{2}", -100),
        ("5 thousand", 5000),
        ("$1.5 million", 1_500_000),
        ("2 billions", 2 * 10**9),
        ("1e400", 10**400),
        (str(10**400), 10**400),
        ("1" * 401, int("1" * 401)),
        ("0." + "3" * 400, Fraction(int("3" * 400), 10**400)),
        ("1" * 402, None),
        ("1e401", None),
        ("1e" + "9" * 1000, None),
        ("$5M", None),
        ("5k", None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_powers_of_ten_are_read_up_to_the_four_hundredth(
    text: str, expected: Fraction | int | None
):
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**18**", 18),
        ("*18*", 18),
        ("_18_", 18),
        ("`18`", 18),
        ("<b>18</b>", 18),
        ("\\boxed{18}", 18),
        ("\\(18\\)", 18),
        ("\\text{18 apples}", 18),
        ("9 * 2 = <<9*2=18>>18", 18),
        ("x = 18", 18),
        ("3 * 6 = 36 / 2 = 18", 18),
        ("17.6 \u2248 18", 18),
        ("18 because 3 * 6 = 18", 18),
        ("18. That is 3 * 6", 18),
    ],
)
def test_marks_and_steps_around_the_number_are_taken_away(text: str, expected: int):
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("x-5", "x - 5", "5-x", "5 - x", "x+5", "5 + y", "2 + 9", "x^5", "5^x", "2^10", "9**9**9"),
        *("5x", "3 n", "2xy", "5i", "5/x", "5!", "5\u00b2", "5\u03c0", "2\\pi", "{5}^2", "|-5|"),
        *("\\sqrt{16}", "sqrt(16)", "\u221a5", "log 5", "f(5)", "__import__(5)", "0x1F"),
        *("< 5", "\u2264 5", "\u00b15", "5+", "5/", "2x = 10", "x - 5 = 0"),
    ],
)
def test_a_part_of_an_expression_is_not_its_value(text: str):
    assert parse_number(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *("4, 6", "4; 6", "4-6", "5 or 6", "between 4 and 5", "x = 5 or x = 6", "x = 5, y = 6"),
        *("not 5", "isn't 5", "twelve", "inf", "nan", "None", "x5", "", " ", "1," * 900),
    ],
    ids=lambda text: text[:20],
)
def test_several_numbers_a_negation_or_none_are_no_number(text: str):
    assert parse_number(text) is None


@given(st.from_regex(r"\$?-?[0-9]{1,15}(\.[0-9]{1,15})?\.?", fullmatch=True))
def test_the_short_way_reads_what_the_long_way_does(text: str):
    assert value_of(text) == general_value(text)


@pytest.mark.data
def test_the_short_way_reads_what_the_long_way_does_in_recorded_answers(data: Path):
    form = AnswerFormat(style=AnswerStyle.hash, instruction="", system=None, thinking=None)
    with gzip.open(data / "responses" / "gsm8k_recorded.jsonl.gz", "rt") as problems:
        texts = [row["response"] for line in problems for row in json.loads(line)["responses"]]
    answers = {reading.answer for reading in map(form.read, texts) if reading}
    assert len(answers) > 1000
    for answer in answers:
        assert outcome(value_of, answer) == outcome(general_value, answer)


def outcome(read: Callable[[str], Fraction | int], answer: str) -> Fraction | int | str:
    try:
        return read(answer)
    except ValueError as error:
        return str(error)


@given(
    st.integers(-(10**400), 10**400), st.sampled_from([",", "{,}", " ", "\u202f", "\\,", "'", "_"])
)
def test_thousands_may_be_parted_in_any_one_way(number: int, comma: str):
    assert parse_number(f"{number:,}".replace(",", comma)) == number


@given(st.fractions())
def test_a_fraction_is_read_in_each_of_its_spellings(value: Fraction):
    over, under = abs(value.numerator), value.denominator
    sign = "-" if value < 0 else ""
    whole, rest = divmod(over, under)
    for text in (f"{over}/{under}", f"\\frac{{{over}}}{{{under}}}", f"{whole} {rest}/{under}"):
        assert parse_number(sign + text) == value


SIGNS = st.text(st.sampled_from("0123456789.,-+/:eE$%\\{}()^*=<>|_!'x \n\u2009\u2212\u00bd"))


@given(st.one_of(st.text(st.characters()), SIGNS))
def test_any_text_gives_a_number_or_none(text: str):
    assert isinstance(parse_number(text), int | Fraction | None)
