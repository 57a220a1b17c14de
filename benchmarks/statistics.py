"""Whether the statistics of `advdistill compare` claim as often as they say, in simulated sweeps.

`python -m benchmarks.statistics`: students answer items right by chance, with a logit that adds up
item, arm, arm x item and arm x seed. The functions that judge them are those of `compare`. Exits
with 1 where a bound is missed. `--tails` shows the law of the test alone.

Axes: `W` simulated sweeps, `A` arms (the first is the baseline), `S` seeds, `I` items,
`M` comparisons with the baseline.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from advdistill.statistics.crossed import Crossed, crossed
from advdistill.statistics.family import Family, family_of
from advdistill.statistics.mcnemar import exact_binomial
from advdistill.statistics.power import Design, power, variances_of
from advdistill.statistics.sign_flip import LEAST, sign_flip
from advdistill.statistics.two_part_t import (
    Spread,
    over_seeds,
    over_seeds_and_items,
    two_sided,
)

Array = NDArray[np.float64]

BATCH = 500
LEVEL = 0.05
REACHES = {"these items": over_seeds, "items like these": over_seeds_and_items}


@dataclass(frozen=True, kw_only=True)
class World:
    """A population of sweeps."""

    name: str
    arms: int = 4
    seeds: int = 3
    items: int = 200
    seed_spread: float = 0.0
    """Standard deviation of arm x seed, in logits; 0.15 moves a score by about 2.5 points."""
    item_spread: float = 0.0
    """Standard deviation of arm x item, in logits."""
    advantage: float = 0.0
    """Of the last arm, in logits."""
    luck: float = 0.0
    """Of the last arm's first seed alone, in logits."""

    @property
    def equal(self) -> bool:
        """Whether no arm is better than another."""
        return self.advantage == 0


WORLDS = (
    World(name="equal, seeds alike"),
    World(name="equal, seeds differ", seed_spread=0.15),
    World(name="equal, arms suit other items", seed_spread=0.1, item_spread=0.8),
    World(name="equal, the same, 5 seeds", seeds=5, seed_spread=0.1, item_spread=0.8),
    World(name="equal, seeds differ, 6 seeds", seeds=6, seed_spread=0.15),
    World(name="equal, 24 items", items=24, seed_spread=0.15),
    World(name="one lucky seed", seed_spread=0.05, luck=0.8),
    World(name="one better, seeds alike", arms=2, advantage=0.35),
    World(name="one better, seeds differ", arms=2, seeds=5, seed_spread=0.15, advantage=0.4),
    World(
        name="one better, other items too", arms=2, seeds=5, seed_spread=0.1, item_spread=0.8,
        advantage=0.45,
    ),
    World(name="one of 4 better", seeds=5, seed_spread=0.15, advantage=0.8),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Simulated answers, and what they would come to on average."""

    right_WASI: NDArray[np.bool_]
    truth_WM: Array
    """Difference of each arm from the baseline on these items, over all seeds."""


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Shares of the simulated sweeps, or of their comparisons."""

    claimed: float
    """Comparisons claimed before Holm."""
    family: float
    """Sweeps with any claim after Holm."""
    covered: float
    """Intervals that hold the truth."""


def drawn(world: World, sweeps: int, rng: np.random.Generator) -> Drawn:
    """Return the answers of as many sweeps, each on items of its own."""
    W, A, S, I = sweeps, world.arms, world.seeds, world.items  # noqa: E741
    item_WAI = rng.normal(0.3, 1.5, (W, 1, I)) + world.item_spread * rng.normal(size=(W, A, I))
    item_WAI[:, -1] += world.advantage
    seed_WAS = world.seed_spread * rng.normal(size=(W, A, S))
    seed_WAS[:, -1, 0] += world.luck
    logit_WASI = (item_WAI[:, :, None] + seed_WAS[..., None]).astype(np.float32)
    right_WASI = rng.random(logit_WASI.shape, dtype=np.float32) < 1 / (1 + np.exp(-logit_WASI))
    mean_WA = _over_seeds(item_WAI, world.seed_spread).mean(-1)
    return Drawn(right_WASI=right_WASI, truth_WM=mean_WA[:, 1:] - mean_WA[:, :1])


def _over_seeds(logit: Array, spread: float) -> Array:
    """Return the mean probability over seeds, by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(7 if spread else 1)
    return sum(
        weight / (1 + np.exp(-(logit + spread * node)))
        for node, weight in zip(nodes, weights / weights.sum(), strict=True)
    )  # type: ignore[return-value]


def wide_truth(world: World) -> float:
    """Return the last arm's difference from the baseline over all items and seeds."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    weights = weights / weights.sum()
    own = np.hypot(world.item_spread, 1.5)

    def mean(advantage: float) -> float:
        return float(weights @ _over_seeds(0.3 + own * nodes + advantage, world.seed_spread))

    return mean(world.advantage) - mean(0.0)


def found_in(drawn: Drawn) -> list[Crossed]:
    """Return each arm's differences from the baseline, as `compare` makes them."""
    right = drawn.right_WASI
    return [
        crossed(right[:, arm].astype(np.float64) - right[:, 0]) for arm in range(1, right.shape[1])
    ]


def rates(family: Family, truth: Array) -> Rates:
    """Return how often this family claims and covers."""
    covered = np.abs(family.mean_M - truth) <= family.half_width_M
    return Rates(
        claimed=float((family.p_value_M <= LEVEL).mean()),
        family=float((family.p_holm_M <= LEVEL).any(-1).mean()),
        covered=float(covered.mean()),
    )


@cache
def mcnemar(only_first: int, only_second: int) -> float:
    """Return the p-value of these counts."""
    return exact_binomial(only_first, only_second)


def mcnemar_claims(drawn: Drawn) -> tuple[float, float]:
    """Return how often McNemar on one seed would have claimed: a comparison, any of a sweep."""
    first = drawn.right_WASI[:, :, 0]
    more = (first[:, 1:] & ~first[:, :1]).sum(-1)
    less = (~first[:, 1:] & first[:, :1]).sum(-1)
    p_WM = np.vectorize(mcnemar)(more, less)
    return float((p_WM <= LEVEL).mean()), float((p_WM <= LEVEL).any(-1).mean())


def predicted_power(world: World, rng: np.random.Generator) -> float:
    """Return what `advdistill power` says of a plan, from a large sample of the same world."""
    big = World(**{**world.__dict__, "seeds": 2000, "items": 2000, "arms": 2})
    [found] = found_in(drawn(big, 1, rng))
    design = Design(seeds=world.seeds, items=world.items, alpha=LEVEL)
    one = Crossed(**{name: _scalar(value) for name, value in found.__dict__.items()})
    return power(wide_truth(world), variances_of(one), design)


def _scalar(value: object) -> object:
    return value[0] if isinstance(value, np.ndarray) else value


def simulate(world: World, sweeps: int) -> list[str]:
    """Print a world's rates; return the bounds that are missed."""
    rng = np.random.default_rng(20261127)
    parts = [drawn(world, min(BATCH, sweeps - n), rng) for n in range(0, sweeps, BATCH)]
    batches = [found_in(part) for part in parts]
    truths = np.concatenate([part.truth_WM for part in parts])
    found = [_joined([batch[m] for batch in batches]) for m in range(world.arms - 1)]
    missed: list[str] = []
    print(f"\n{world.name}: {world.arms} arms, {world.seeds} seeds, {world.items} items")
    for name, reach in REACHES.items():
        wide = reach is over_seeds_and_items
        truth = np.zeros(world.arms - 1)
        truth[-1] = wide_truth(world)
        family = family_of(found, reach, margin=max(truth[-1], 1e-3), level=LEVEL)
        got = rates(family, truth if wide else truths)
        print(
            f"  {name:<17} claims {got.claimed:6.2%}  in a family {got.family:6.2%}  "
            f"95 % intervals cover {got.covered:6.2%}"
        )
        missed += _missed(world, name, got, wide=wide)
        if wide and not world.equal:
            missed += _better(world, family, rng)
    if world.seeds >= LEAST:
        means = np.concatenate([_differences(part) for part in parts])
        print(f"  sign flip         claims {(sign_flip(means) <= LEVEL).mean():6.2%}")
    single = np.mean([mcnemar_claims(part) for part in parts], axis=0)
    print(f"  McNemar, one seed claims {single[0]:6.2%}  in a sweep  {single[1]:6.2%}")
    return missed


def _differences(part: Drawn) -> Array:
    score_WAS = part.right_WASI.mean(-1)
    return score_WAS[:, 1:] - score_WAS[:, :1]


def _joined(parts: list[Crossed]) -> Crossed:
    return Crossed(
        mean=np.concatenate([one.mean for one in parts]),
        seed_variance=np.concatenate([one.seed_variance for one in parts]),
        item_variance=np.concatenate([one.item_variance for one in parts]),
        rest_variance=np.concatenate([one.rest_variance for one in parts]),
        seeds=parts[0].seeds,
        items=parts[0].items,
    )


def _missed(world: World, reach: str, got: Rates, *, wide: bool) -> list[str]:
    """Return what goes beyond its bound; on these items, arms that suit other items do differ."""
    where = f"{world.name}, {reach}"
    missed = []
    null = world.equal and (wide or not world.item_spread)
    if null and max(got.claimed, got.family) > 0.06:
        missed.append(f"{where}: claims {got.claimed:.2%}, in a family {got.family:.2%}, above 6 %")
    if not world.luck and not 0.935 <= got.covered <= 0.97:
        missed.append(f"{where}: 95 % intervals cover {got.covered:.2%}, wanted 93.5 to 97 %")
    return missed


def _better(world: World, family: Family, rng: np.random.Generator) -> list[str]:
    """Print how often the better arm is found, beside the prediction for one comparison."""
    right = (family.p_holm_M[:, -1] <= LEVEL) & (family.mean_M[:, -1] > 0)
    same = float((family.p_tost_M[:, -1] <= LEVEL).mean())
    print(
        f"    better by {100 * wide_truth(world):.2f} points: found {right.mean():.2%}; called no "
        f"difference at a margin of as much {same:.2%}"
    )
    missed = [f"{world.name}: TOST errs {same:.2%}, above 6 %"] if same > 0.06 else []
    if world.arms > 2:
        return missed
    said, got = predicted_power(world, rng), float((family.p_value_M <= LEVEL).mean())
    print(f"    power predicted {said:.2%}, simulated {got:.2%}")
    far = abs(said - got) > 0.03
    return [*missed, *([f"{world.name}: power predicted {said:.2%}, {got:.2%}"] if far else [])]


def show_tails(draws: int) -> None:
    """Print how often tests at 5 % and 1 % claim of a mean whose variance has a known part.

    The unknown part is 1 and estimated with S - 1 degrees of freedom, the known part is `ratio`.
    """
    rng = np.random.default_rng(0)
    for seeds in (3, 4, 5, 8):
        for ratio in (0.0, 0.05, 0.1, 0.25, 1.0, 4.0, 10.0):
            estimate = rng.chisquare(seeds - 1, draws) / (seeds - 1)
            variance = estimate + ratio
            spread = Spread(
                error=np.sqrt(variance),
                seed_share=estimate / variance,
                seed_degrees=seeds - 1,
                item_degrees=10**6,
            )
            mean = rng.normal(size=draws) * np.sqrt(1 + ratio)
            degrees = variance**2 * (seeds - 1) / estimate**2
            satterthwaite = 2 * student.sf(np.abs(mean) / spread.error, degrees)
            ours = two_sided(mean, spread)
            print(f"{seeds} seeds, known part {ratio:5.2f}", end="")
            for name, p_values in (("Satterthwaite", satterthwaite), ("two tails", ours)):
                print(
                    f"  {name} {(p_values <= 0.05).mean():.2%} {(p_values <= 0.01).mean():.2%}",
                    end="",
                )
            print()


def main() -> int:
    """Simulate every world; return 1 where a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweeps", type=int, default=5000, help="of each world")
    parser.add_argument("--world", help="one world by its name")
    parser.add_argument("--tails", action="store_true", help="show the test's law instead")
    given = parser.parse_args()
    if given.tails:
        show_tails(400_000)
        return 0
    begun = time.process_time()
    chosen = [world for world in WORLDS if given.world in (None, world.name)]
    missed = [line for world in chosen for line in simulate(world, given.sweeps)]
    print(f"\n{given.sweeps} sweeps of each world, {time.process_time() - begun:.0f} s of CPU")
    print("\n".join(["missed:", *missed]) if missed else "every bound is kept")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
