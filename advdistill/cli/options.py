"""The options of a multiple-choice row and the letter of the right one, however they are spelt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from advdistill.answers import LETTERS
from advdistill.errors import DataError


@dataclass(frozen=True, slots=True)
class Options:
    """The texts in the order of their letters, and what the row itself calls them."""

    texts: tuple[str, ...]
    labels: tuple[str, ...] | None
    """None where the row holds a list of texts."""


def options_of(value: object) -> Options:
    """Return the options of a row's `choices`.

    A list of texts; an object label -> text; a list of `{"label": …, "text": …}`; or the hub's
    `{"label": […], "text": […]}`.

    Raises:
        DataError: it is none of these, or its labels skip or repeat one.
    """
    labels, texts = _labels_and_texts(value)
    if not 1 <= len(texts) <= len(LETTERS):
        raise DataError(f"'choices' holds {len(texts)} options; wanted 1 to {len(LETTERS)}")
    if labels is None:
        return Options(tuple(texts), None)
    order = _order(labels)
    return Options(tuple(texts[i] for i in order), tuple(labels[i] for i in order))


def letter_of(gold: object, options: Options) -> str:
    """Return the letter of the right option.

    Where the row has labels, its label, else its text. In a list of texts its text, else its
    letter; a number that is no option's text is its place, from 0.

    Raises:
        DataError: it names no option, or two.
    """
    named = as_text(gold, "gold").strip()
    places = _places(named, options)
    if options.labels is None and isinstance(gold, int) and gold in range(len(options.texts)):
        # As a text or as a place: a number that could be either must not be guessed at.
        places = {*places, int(gold)}
    if len(places) == 1:
        return LETTERS[places.pop()]
    found = " and ".join(LETTERS[place] for place in sorted(places)) or "none of the options"
    last = LETTERS[len(options.texts) - 1]
    raise DataError(
        f"'gold' is {named!r:.80}, which names {found}; wanted a letter from A to {last} "
        "or the text of one option"
    )


def as_text(value: object, name: str) -> str:
    """Return a text as it is and a number as the row writes it.

    Raises:
        DataError: it is neither.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise DataError(f"'{name}' is {sort_of(value)}; wanted text or a number")


def sort_of(value: object) -> str:
    """Return what JSON calls such a value."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return repr(str(value)[:40])
    names = {dict: "an object", list: "a list", bool: "true or false"}
    return names.get(type(value), "null")


def _labels_and_texts(value: object) -> tuple[list[str] | None, list[str]]:
    if isinstance(value, dict):
        labels, texts = value.get("label"), value.get("text")
        if isinstance(labels, list) and isinstance(texts, list) and len(value) == 2:
            if len(labels) != len(texts):
                raise DataError(f"'choices' holds {len(labels)} labels for {len(texts)} texts")
            return _texts(labels), _texts(texts)
        return [str(label) for label in value], _texts(list(value.values()))
    if not isinstance(value, list):
        raise DataError(f"'choices' is {sort_of(value)}; wanted a list or an object letter -> text")
    if value and all(isinstance(one, dict) for one in value):
        if not all({"label", "text"} <= one.keys() for one in value):
            raise DataError("'choices' holds objects; wanted each to have 'label' and 'text'")
        return _texts([one["label"] for one in value]), _texts([one["text"] for one in value])
    return None, _texts(value)


def _texts(values: Sequence[object]) -> list[str]:
    return [as_text(value, "choices") for value in values]


def _order(labels: Sequence[str]) -> list[int]:
    """Return the places of the labels in the order of letters or numbers, else as they stand."""
    names = [label.strip() for label in labels]
    order = sorted(range(len(names)), key=lambda place: names[place])
    for run in (LETTERS, LETTERS.lower()):
        if all(name in run and len(name) == 1 for name in names):
            if [names[place] for place in order] == list(run[: len(names)]):
                return order
            raise DataError(
                f"'choices' has the labels {', '.join(names)}; wanted {run[0]} to "
                f"{run[len(names) - 1]} without a gap, or labels that are no letters"
            )
    if len(set(names)) < len(names):
        raise DataError(f"'choices' has a label twice: {', '.join(names):.80}; wanted each once")
    if all(name.isdecimal() and len(name) < 4 for name in names):
        return sorted(range(len(names)), key=lambda place: int(names[place]))
    return list(range(len(names)))


def _places(named: str, options: Options) -> set[int]:
    """Return the options that the name fits by the first reading that fits any."""
    letters = LETTERS[: len(options.texts)]
    labels = options.labels or ()
    readings = (
        [] if options.labels is None else [label.strip() == named for label in labels],
        [text.strip() == named for text in options.texts],
        [_folded(text) == _folded(named) for text in options.texts],
        [label.strip().casefold() == named.casefold() for label in labels],
        [] if options.labels else [letter == named.upper() for letter in letters],
    )
    fits = ({place for place, fit in enumerate(reading) if fit} for reading in readings)
    return next((places for places in fits if places), set())


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
