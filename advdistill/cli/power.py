"""`advdistill power`: what planned seeds and items can show, before they are paid for."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from advdistill.cli.judge import positive
from advdistill.cli.lines import writing_text
from advdistill.compare.comparison import Question, matched_pairs
from advdistill.compare.gathering import gather
from advdistill.compare.planning import (
    Cheapest,
    Ranges,
    Scenario,
    Showing,
    assumed,
    cheapest_designs,
    measured,
    showings,
)
from advdistill.errors import ConfigError
from advdistill.statistics.crossed import LEAST_SEEDS
from advdistill.statistics.power import MOST_SEEDS, Design

_MORE = """\
The claim is that of `advdistill compare` about two arms on items of the same kind, two-sided at 5 %
over the family (Holm's first step). Its power depends on how often the arms' students disagree and
on how far the difference moves from seed to seed. Where finished cells are given, both are theirs;
else they are the stated ranges, and the answer is a band.

examples:
  advdistill power --items 600,1319 --seeds 3,5,10
  advdistill power SWEEP --seeds 5,10 --wanted 1.5 --training 20000
"""


def main(arguments: Sequence[str]) -> int:
    """Show the plan; return 0.

    Raises:
        ConfigError: a number is out of range, or the runs hold no pair of arms.
        DataError: a folder holds no finished run.
    """
    options = _parser().parse_args(arguments)
    scenario, family, items = _scenario(options)
    comparisons = options.comparisons or family
    alpha = 0.05 / comparisons
    found = showings(
        scenario, options.seeds, options.items or items, alpha=alpha, power=options.power
    )
    wanted = options.wanted and cheapest_designs(
        options.wanted,
        scenario,
        alpha=alpha,
        power=options.power,
        training=options.training,
        most=options.most_items,
    )
    with writing_text(None) as output:
        output.write("\n".join(_lines(scenario, found, wanted, comparisons, options)) + "\n")
    if options.json is not None:
        with writing_text(options.json) as output:
            json.dump(
                {
                    "scenario": asdict(scenario),
                    "comparisons": comparisons,
                    "power": options.power,
                    "shows": [asdict(one) for one in found],
                    "cheapest": asdict(wanted) if wanted else None,
                },
                output,
                indent=1,
            )
            output.write("\n")
    return 0


def _scenario(options: argparse.Namespace) -> tuple[Scenario, int, list[int]]:
    """Return the variances, the comparisons of a family, and the items of the test set."""
    if not options.folders:
        ranges = Ranges(
            discordance=options.discordance,
            item_share=options.item_share,
            seed_deviation=options.seed_deviation,
        )
        return assumed(ranges), 1, [200, 600, 1319, 5000]
    gathered = gather([Path(folder) for folder in options.folders])
    pairs = matched_pairs(gathered.members, Question(against=options.against, task=options.task))
    pairs = [pair for pair in pairs if not pair.against_control]
    if not pairs:
        raise ConfigError(
            f"power: these runs hold no two arms with {LEAST_SEEDS} seeds in common; wanted "
            "finished cells to learn the variances from; leave the runs out to use ranges, or see "
            "`advdistill compare` for what keeps them apart"
        )
    return measured(pairs), len(pairs), sorted({pair.first_SI.shape[-1] for pair in pairs})


def _lines(
    scenario: Scenario,
    found: Sequence[Showing],
    wanted: Cheapest | None,
    comparisons: int,
    options: argparse.Namespace,
) -> list[str]:
    ends = [
        f"{name}: disagreement {100 * (one.item + one.rest):.1f} % (repeated by every seed "
        f"{100 * one.item:.1f}), s.d. of the difference between seeds {100 * one.seed**0.5:.2f} "
        "points"
        for name, one in (("at least", scenario.low), ("at most", scenario.high))
    ]
    rows = [
        f"  {one.seeds:>3} seeds x {one.items:>6} items: {one.low:.2f} to {one.high:.2f} points"
        for one in found
    ]
    lines = [
        f"From {scenario.source}.",
        *ends,
        f"The smallest difference of two arms that is shown with {100 * options.power:.0f} % "
        f"probability, {comparisons} comparison{'s' if comparisons > 1 else ''} in the family:",
        *rows,
    ]
    return [*lines, *(_cheapest_lines(wanted, options) if wanted else [])]


def _cheapest_lines(wanted: Cheapest, options: argparse.Namespace) -> list[str]:
    return [
        f"The cheapest way to show {wanted.points:g} points, a training costing as much as "
        f"{options.training:g} answers:",
        *(
            f"  {name}: {_design(design, options)}"
            for name, design in (("at least", wanted.low), ("at most", wanted.high))
        ),
    ]


def _design(design: Design | None, options: argparse.Namespace) -> str:
    if design is None:
        return (
            f"none with {MOST_SEEDS} seeds and {options.most_items:,} items; raise --most-items "
            "or look for a larger difference"
        )
    cost = design.seeds * (options.training + design.items)
    return f"{design.seeds} seeds x {design.items} items per arm, {cost:,.0f} answers' worth"


def _numbers(least: int, most: int) -> Callable[[str], list[int]]:
    def read(text: str) -> list[int]:
        try:
            found = [int(one) for one in text.split(",")]
        except ValueError:
            found = []
        if not found or not all(least <= one <= most for one in found):
            raise argparse.ArgumentTypeError(
                f"is '{text}'; wanted whole numbers from {least} to {most}, "
                f"such as {least},{least + 2}"
            )
        return found

    return read


def _range(most: float) -> Callable[[str], tuple[float, float]]:
    def read(text: str) -> tuple[float, float]:
        try:
            low, high = (float(one) for one in text.split(","))
        except ValueError:
            low, high = 1.0, 0.0
        if not 0 <= low <= high <= most:
            raise argparse.ArgumentTypeError(
                f"is '{text}'; wanted LOW,HIGH within 0 and {most:g}, such as 0,{most / 10:g}"
            )
        return low, high

    return read


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.06 <= value <= 0.999:
        raise argparse.ArgumentTypeError(f"is '{text}'; wanted a share from 0.06 to 0.999")
    return value


def _above_zero(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e12:
        raise argparse.ArgumentTypeError(f"is '{text}'; wanted a number above 0")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill power",
        description="Say what planned seeds and items can show, before they are paid for.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folders", nargs="*", metavar="RUN|SWEEP", help="finished cells to learn from")
    add("--seeds", type=_numbers(LEAST_SEEDS, 200), default=[3, 5, 10], help="per arm (3,5,10)")
    add("--items", type=_numbers(2, 10**7), help="of the test set (that of the cells)")
    add("--comparisons", type=positive, metavar="N", help="in the family (that of the cells, or 1)")
    add("--power", type=_share, default=0.8, help="wanted probability (0.8)")
    add("--wanted", type=_above_zero, metavar="POINTS", help="find the cheapest way to show this")
    add("--training", type=_above_zero, default=10_000.0, help="cost of one, in answers (10000)")
    add("--most-items", type=positive, default=100_000, help="that could be had (100000)")
    add("--discordance", type=_range(1), default=(0.1, 0.4), help="LOW,HIGH share (0.1,0.4)")
    add("--item-share", type=_range(1), default=(0.0, 0.5), help="of it in all seeds (0,0.5)")
    add("--seed-deviation", type=_range(50), default=(0.0, 2.0), help="points (0,2)")
    add("--against", metavar="LEVEL", help="the baseline of the cells, as for compare")
    add("--task", metavar="NAME", help="one evaluated data set of the cells (all)")
    add("--json", metavar="FILE", help="write everything found there, too")
    return parser
