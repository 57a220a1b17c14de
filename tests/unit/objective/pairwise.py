"""Pairs worked out one by one."""

from collections.abc import Callable, Sequence

from advdistill.objective.pairs import PairNormaliser
from tests.unit.objective.steps import Row


def summed(
    rows: Sequence[Row],
    normaliser: PairNormaliser,
    pair: Callable[[Row, Row], tuple[float, float, float]],
) -> tuple[float, list[list[float]]]:
    """Return loss and slopes over all pairs.

    `pair` gives the loss of a right and a wrong row, and its derivative by each token of either.
    """
    loss, slopes = 0.0, [[0.0] * len(row.logprobs) for row in rows]
    for group in {row.group for row in rows}:
        places = [n for n, row in enumerate(rows) if row.group == group and row.weight != 0]
        rights = [n for n in places if rows[n].right]
        wrongs = [n for n in places if not rows[n].right]
        for right in rights:
            for wrong in wrongs:
                size = abs(rows[right].weight) * abs(rows[wrong].weight)
                if normaliser is PairNormaliser.prompts:
                    size /= len(rights) * len(wrongs)
                value, right_slope, wrong_slope = pair(rows[right], rows[wrong])
                loss += size * value
                slopes[right] = [slope + size * right_slope for slope in slopes[right]]
                slopes[wrong] = [slope + size * wrong_slope for slope in slopes[wrong]]
    return loss, slopes
