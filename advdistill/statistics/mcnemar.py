"""Do two checkpoints differ on the same items?"""

from collections.abc import Sequence
from dataclasses import dataclass

from advdistill.errors import DataError
from advdistill.records import Item, Verdict


@dataclass(frozen=True, kw_only=True)
class Discordance:
    """Where two models disagree on the same items, and how surprising the imbalance is."""

    only_first: int
    """Items that the first model alone got right."""
    only_second: int
    p_value: float
    """Exact and two-sided, of the hypothesis that both are right equally often."""


def exact_mcnemar(first: Sequence[Item], second: Sequence[Item]) -> Discordance:
    """Return the exact McNemar test on paired items.

    McNemar 1947: given the number of discordant items, those of either kind are binomial with
    probability 1/2.

    Raises:
        DataError: the two were not measured on the same items.
    """
    right_first, right_second = _right(first), _right(second)
    if right_first.keys() != right_second.keys():
        missing = sorted(right_first.keys() ^ right_second.keys())
        raise DataError(
            f"{len(missing)} items were answered by one model only (first: {missing[0]}); "
            "wanted the same items for both"
        )
    only_first = sum(right_first[item] and not right_second[item] for item in right_first)
    only_second = sum(right_second[item] and not right_first[item] for item in right_first)
    p_value = exact_binomial(only_first, only_second)
    return Discordance(only_first=only_first, only_second=only_second, p_value=p_value)


def exact_binomial(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p-value that either kind of discordant item is as likely."""
    from scipy.stats import binomtest

    discordant = only_first + only_second
    return float(binomtest(only_first, discordant).pvalue) if discordant else 1.0


def _right(items: Sequence[Item]) -> dict[tuple[str, int], bool]:
    return {(item.item_id, item.sample): item.verdict is Verdict.passed for item in items}
