"""Main effects and interactions of several factors on the scores of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One term of the linear model."""

    factors: tuple[str, ...]
    """One for a main effect, two for an interaction."""
    f_value: float
    degrees: tuple[float, float]
    """Of the term and of what is left."""
    p_value: float
    partial_eta_squared: float
    """The term's squares over these and the rest's."""


def effects(
    scores: Sequence[float], levels: Mapping[str, Sequence[str]], seeds: Sequence[int]
) -> list[Effect]:
    """Return the effect of every factor, then that of every pair that was crossed in full.

    An analysis of variance of one score per cell with squares of type II and the seed as a block:
    what differs between seeds in all cells alike is taken out. Empty where nothing is left to
    judge by, or where factors vary together. `levels` names each row's level by factor.
    """
    import pandas
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    # The formula spells columns of ours: a factor's own name may be anything.
    columns = {factor: f"factor_{number}" for number, factor in enumerate(levels)}
    table = pandas.DataFrame(
        {"score": scores, "seed": seeds, **{columns[name]: row for name, row in levels.items()}}
    )
    terms = [(factor,) for factor in levels]
    terms += [
        pair for pair in combinations(levels, 2) if _crossed(table, [columns[f] for f in pair])
    ]
    spelt = {term: ":".join(f"C({columns[factor]})" for factor in term) for term in terms}
    design: Any = ols(f"score ~ C(seed) + {' + '.join(spelt.values())}", data=table)
    if np.linalg.matrix_rank(design.exog) < design.exog.shape[1]:
        return []  # factors that move together cannot be told apart
    model: Any = design.fit()
    if model.df_resid < 1 or model.ssr <= 1e-12:
        return []
    found: Any = anova_lm(model, typ=2)
    left, left_degrees = found.loc["Residual", "sum_sq"], found.loc["Residual", "df"]
    return [
        Effect(
            factors=term,
            f_value=float(found.loc[name, "F"]),
            degrees=(float(found.loc[name, "df"]), float(left_degrees)),
            p_value=float(found.loc[name, "PR(>F)"]),
            partial_eta_squared=float(
                found.loc[name, "sum_sq"] / (found.loc[name, "sum_sq"] + left)
            ),
        )
        for term, name in spelt.items()
    ]


def _crossed(table: pandas.DataFrame, columns: Sequence[str]) -> bool:
    """Return whether every combination of the columns' levels has a row."""
    seen = set(table[list(columns)].itertuples(index=False, name=None))
    return seen >= set(product(*(table[column].unique() for column in columns)))
