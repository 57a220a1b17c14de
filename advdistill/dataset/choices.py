"""The options of a question as publishers write them, in the order of their letters."""

from collections.abc import Sequence

from advdistill.answers import LETTERS
from advdistill.dataset.problems import Problem
from advdistill.errors import DataError
from advdistill.records import AnswerKind
from advdistill.rows import Row, column, text


def option_texts(
    row: Row, name: str, where: str, *, fewest: int = 2, blank: bool = False
) -> tuple[str, ...]:
    """Return the options of a column that holds a list, or an object from letter to text.

    Raises:
        DataError: it holds neither, an option is no text, a letter is left out, or the number of
            options is wrong.
    """
    value = column(row, name, where)
    if isinstance(value, dict):
        value = _by_letter(value, name, where)
    if not isinstance(value, list) or not fewest <= len(value) <= len(LETTERS):
        raise DataError(
            f"{where}: '{name}' is {value!r:.80}; wanted a list of at least {fewest} texts or an "
            f"object of letters, {len(LETTERS)} at most; correct the row"
        )
    numbered = {f"{name}.{LETTERS[place]}": option for place, option in enumerate(value)}
    return tuple(text(numbered, key, where, blank=blank).strip() for key in numbered)


def labelled_problem(row: Row, where: str, *, question: str) -> Problem:
    """Return the problem of a row whose options have labels, such as `A` or `1`.

    The options stand in `choices`, as `{text: [...], label: [...]}` or as a list of objects with
    both, and the label of the right one in `answerKey`. Some publishers' own files nest the
    question's `stem` and the choices in `question`; the hub lays them flat.

    Raises:
        DataError: a column is missing or malformed, or the answer labels no option or two.
    """
    nested = row.get("question")
    flat = {question: nested.get("stem"), **nested} if isinstance(nested, dict) else row
    pairs = column(flat, "choices", where)
    pairs = _transposed(pairs) if isinstance(pairs, dict) else pairs
    if not isinstance(pairs, list) or not all(isinstance(pair, dict) for pair in pairs):
        raise DataError(
            f"{where}: 'choices' is {flat['choices']!r:.80}; wanted texts with their labels; "
            "correct the row"
        )
    labels = [text(pair, "label", where) for pair in pairs]
    return Problem(
        question=text(flat, question, where),
        answer=letter_of(text(row, "answerKey", where), labels, where),
        kind=AnswerKind.choice,
        choices=option_texts({"choices": [pair.get("text") for pair in pairs]}, "choices", where),
    )


def letter_of(answer: str, labels: Sequence[str], where: str) -> str:
    """Return the letter of the option that the answer labels.

    Raises:
        DataError: it is the label of none or of two.
    """
    if labels.count(answer) != 1:
        raise DataError(
            f"{where}: the answer is '{answer:.40}' and the options are {', '.join(labels):.80}; "
            "wanted the label of one of them; correct the row"
        )
    return LETTERS[labels.index(answer)]


def _by_letter(options: dict[str, object], name: str, where: str) -> list[object]:
    # A Parquet column of objects has every letter in every row, null where there is no option.
    given = {letter: options[letter] for letter in sorted(options) if options[letter] is not None}
    if list(given) != list(LETTERS[: len(given)]):
        raise DataError(
            f"{where}: '{name}' has the letters {', '.join(map(str, given))}; wanted A, B and on; "
            "correct the row"
        )
    return list(given.values())


def _transposed(columns: dict[str, object]) -> list[dict[str, object]] | None:
    texts, labels = columns.get("text"), columns.get("label")
    if not isinstance(texts, list) or not isinstance(labels, list) or len(texts) != len(labels):
        return None
    return [{"text": option, "label": label} for option, label in zip(texts, labels, strict=True)]
