"""Pools of rows as arrays for the weightings, and weights back as rows.

Axes: `P` prompts, `G` samples per prompt, `B` responses, `R` rows of one rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from advdistill.errors import StageError
from advdistill.interfaces import RewardGroups
from advdistill.records import TOTAL, Response, Reward, Verdict, Weight
from advdistill.tables import schema_of

_compute: Any = pyarrow.compute  # whose functions exist at run time only
Scalar = TypeVar("Scalar", bound=np.generic)


def groups_of(responses: pa.Table, rewards: pa.Table) -> RewardGroups:
    """Return the rewards of some prompts as arrays; groups may be ragged.

    Raises:
        StageError: a response has no total reward or more than one.
    """
    places = _Places.of(responses)
    by_rule = dict(_by_rule(rewards))
    totals = by_rule.pop(TOTAL, rewards.slice(0, 0))
    found_R = places.found_R(totals)
    if not len(totals) == len(np.unique(found_R[found_R >= 0])) == places.count:
        raise StageError(
            f"stage 'weigh': {len(totals)} total rewards for {places.count} responses; "
            "wanted exactly one each"
        )
    totals = totals.take(np.argsort(found_R))
    return RewardGroups(
        prompt_ids=places.prompt_ids,
        samples_PG=places.grid_PG(places.samples_B.astype(np.int32), -1),
        rewards_PG=places.grid_PG(_floats(totals["value"]), np.nan),
        present_PG=places.grid_PG(np.ones(places.count, dtype=bool), False),
        passed_PG=places.grid_PG(
            _array(_compute.equal(totals["verdict"], Verdict.passed.value)), False
        ),
        lengths_PG=places.grid_PG(_lengths_B(responses), 0),
        answer_ids_PG=places.grid_PG(places.numbered_B(totals["answer"]), -1),
        text_ids_PG=places.grid_PG(places.numbered_B(responses["text"]), -1),
        parts={rule: places.part_PG(rows) for rule, rows in by_rule.items()},
    )


def joined(parts: Sequence[RewardGroups]) -> RewardGroups:
    """Return the groups of several tables as one pool, in their order; a prompt is in one part."""
    none = groups_of(schema_of(Response).empty_table(), schema_of(Reward).empty_table())
    parts = [none, *parts]  # so that the arrays of no part at all have their types
    width = max(part.rewards_PG.shape[1] for part in parts)
    rules = dict.fromkeys(rule for part in parts for rule in part.parts)

    def stacked(arrays: Iterable[NDArray[Any]], absent: float) -> NDArray[Any]:
        wide = [np.pad(one, _to_width(one, width), constant_values=absent) for one in arrays]
        return np.concatenate(wide)

    return RewardGroups(
        prompt_ids=tuple(name for part in parts for name in part.prompt_ids),
        samples_PG=stacked((part.samples_PG for part in parts), -1),
        rewards_PG=stacked((part.rewards_PG for part in parts), np.nan),
        present_PG=stacked((part.present_PG for part in parts), False),
        passed_PG=stacked((part.passed_PG for part in parts), False),
        lengths_PG=stacked((part.lengths_PG for part in parts), 0),
        answer_ids_PG=stacked((part.answer_ids_PG for part in parts), -1),
        text_ids_PG=stacked((part.text_ids_PG for part in parts), -1),
        parts={
            rule: stacked(
                (part.parts.get(rule, part.rewards_PG * np.nan) for part in parts), np.nan
            )
            for rule in rules
        },
    )


def weights_of(weights_PG: NDArray[np.float64], responses: pa.Table) -> pa.Table:
    """Return a `Weight` for each response, in their order; the prompts are in that of the table."""
    values_B = _Places.of(responses).flat_B(weights_PG)
    columns = [responses["prompt_id"], responses["sample"], pa.array(values_B)]
    return pa.table(columns, schema_of(Weight))


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """What was made of the answers of a table, in their order."""

    weights_B: NDArray[np.float64]
    right_B: NDArray[np.bool_]
    """Whether the verifier passed the answer, by the total rule."""
    references_B: NDArray[np.float64]
    """NaN where there is none."""


def labels_of(
    responses: pa.Table, rewards: pa.Table, weights: pa.Table, references: pa.Table | None
) -> Labels:
    """Return the labels of some answers, those of weight 0 included; without references, none.

    Raises:
        StageError: the weights, rewards or references are of other answers.
    """
    places = _Places.of(responses)
    totals = rewards.filter(_compute.equal(rewards["rule"], TOTAL))
    return Labels(
        weights_B=_floats(_matched("weights", weights, places)["value"]),
        right_B=_passed_B(_matched("rewards", totals, places)),
        references_B=np.full(places.count, np.nan)
        if references is None
        else _floats(_matched("references", references, places)["logprob_sum"]),
    )


def _matched(name: str, rows: pa.Table, places: _Places) -> pa.Table:
    """Return the rows in the order of the answers they are about."""
    found_R = places.found_R(rows)
    if not len(rows) == len(np.unique(found_R[found_R >= 0])) == places.count:
        raise StageError(
            f"stage 'train': {len(rows)} {name} for {places.count} responses, or of other keys; "
            f"wanted one of the {name} for each response"
        )
    return rows.take(np.argsort(found_R))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Places:
    """Where the answers of a table stand in arrays of one row per prompt."""

    prompt_ids: tuple[str, ...]
    """In the order in which they first occur."""
    samples_B: NDArray[np.int64]
    row_B: NDArray[np.int64]
    column_B: NDArray[np.int64]
    """How many answers to the same prompt stand before."""

    @classmethod
    def of(cls, responses: pa.Table) -> _Places:
        coded = _compute.dictionary_encode(responses["prompt_id"].combine_chunks())
        row_B = _integers(coded.indices)
        order_B = np.argsort(row_B, kind="stable")
        sizes_P = np.bincount(row_B, minlength=len(coded.dictionary))
        first_P = np.cumsum(sizes_P) - sizes_P
        column_B = np.empty(len(row_B), dtype=np.int64)
        column_B[order_B] = np.arange(len(row_B)) - np.repeat(first_P, sizes_P)
        return cls(
            prompt_ids=tuple(coded.dictionary.to_pylist()),
            samples_B=_array(responses["sample"]),
            row_B=row_B,
            column_B=column_B,
        )

    @property
    def count(self) -> int:
        """The number of answers."""
        return len(self.row_B)

    def grid_PG(self, values_B: NDArray[Scalar], absent: float) -> NDArray[Scalar]:
        """Return the values, each in its place."""
        width = self.column_B.max(initial=-1) + 1
        grid_PG = np.full((len(self.prompt_ids), width), absent, dtype=values_B.dtype)
        grid_PG[self.row_B, self.column_B] = values_B
        return grid_PG

    def flat_B(self, values_PG: NDArray[Scalar]) -> NDArray[Scalar]:
        """Return the values from their places, in the order of the answers."""
        return values_PG[self.row_B, self.column_B]

    def found_R(self, rewards: pa.Table) -> NDArray[np.int64]:
        """Return which answer each row is about; -1 for none of them."""
        names = pa.array(self.prompt_ids, pa.string())
        row_R = _integers(_compute.fill_null(_compute.index_in(rewards["prompt_id"], names), -1))
        own_B = _pairs(self.row_B, self.samples_B)
        asked_R = _pairs(row_R, _array(rewards["sample"]))
        order_B = np.argsort(own_B)
        place_R = np.searchsorted(own_B, asked_R, sorter=order_B)
        nearest_R = order_B[np.minimum(place_R, self.count - 1)] if self.count else place_R
        same_R = own_B[nearest_R] == asked_R if self.count else np.zeros(len(row_R), dtype=bool)
        return np.where(same_R, nearest_R, -1)

    def part_PG(self, rows: pa.Table) -> NDArray[np.float64]:
        """Return the values of a rule, NaN for answers that it skipped."""
        values_B = np.full(self.count, np.nan)
        found_R = self.found_R(rows)
        values_B[found_R[found_R >= 0]] = _floats(rows["value"])[found_R >= 0]
        return self.grid_PG(values_B, np.nan)

    def numbered_B(self, values: pa.ChunkedArray) -> NDArray[np.int32]:
        """Return a number that equal values of one prompt share; -1 where there is none."""
        codes = _compute.dictionary_encode(values.combine_chunks()).indices
        code_B = _integers(_compute.fill_null(codes, -1))
        _, number_B = np.unique(_pairs(self.row_B, code_B), return_inverse=True)
        return np.where(code_B < 0, -1, number_B).astype(np.int32)


def _pairs(row_B: NDArray[np.int64], number_B: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each pair as one number; that of a sample is in `EVERY`, so that no two share one."""
    return (row_B << 32) + number_B


def _by_rule(rewards: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    for rule in _compute.unique(rewards["rule"]).to_pylist():
        yield rule, rewards.filter(_compute.equal(rewards["rule"], rule))


def _passed_B(totals: pa.Table) -> NDArray[np.bool_]:
    return _array(_compute.equal(totals["verdict"], Verdict.passed.value))


def _lengths_B(responses: pa.Table) -> NDArray[np.int32]:
    characters = _compute.cast(_compute.utf8_length(responses["text"]), pa.int64())
    return _array(_compute.coalesce(responses["tokens"], characters)).astype(np.int32)


def _floats(values: pa.ChunkedArray) -> NDArray[np.float64]:
    return values.to_numpy()  # null becomes NaN


def _integers(values: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    return _array(values).astype(np.int64)


def _array(values: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    return values.to_numpy(zero_copy_only=False)


def _to_width(array_PG: NDArray[Any], width: int) -> tuple[tuple[int, int], tuple[int, int]]:
    return (0, 0), (0, width - array_PG.shape[1])
