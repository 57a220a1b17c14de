"""What learning changed: problems by who got them right before, and who does now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from advdistill.records import Item, Verdict
from advdistill.report.arms import ANCHORS, ROLES, STUDENT, Arm
from advdistill.report.tables import Table


@dataclass(frozen=True, kw_only=True)
class Change:
    """One student arm beside another model on the same problems; counts over all seeds."""

    arm: str
    other: str
    """Whom it is held against."""
    both: int
    """Answers that both got right."""
    only_other: int
    """Lost, where the other is the base student."""
    only_arm: int
    """Gained, where the other is the base student."""
    neither: int
    unpaired: int
    """Answers to problems that the other has no answer to; in no other count."""
    seeds: int

    @property
    def answers(self) -> int:
        """How many were compared."""
        return self.both + self.only_other + self.only_arm + self.neither

    def share(self, count: int) -> float:
        """Return the count as a share of the answers."""
        return count / self.answers if self.answers else 0.0


def changes(task: str, arms: Sequence[Arm]) -> list[Change]:
    """Return every arm beside the base student, then every arm beside the teacher."""
    roles = arms[0].runs[0].roles(task)
    return [_change(task, arm, role) for role in ANCHORS if role in roles for arm in arms]


def change_table(found: Sequence[Change]) -> Table:
    """Return the counts as one table."""
    return Table(
        name="changes-table",
        caption="Answers to test problems by who got them right, all seeds of an arm together",
        columns=(
            "arm",
            "beside",
            "both",
            "only the arm",
            "only the other",
            "neither",
            "unpaired",
            "seeds",
        ),
        rows=[
            (
                one.arm,
                one.other,
                *map(
                    str,
                    (
                        one.both,
                        one.only_arm,
                        one.only_other,
                        one.neither,
                        one.unpaired,
                        one.seeds,
                    ),
                ),
            )
            for one in found
        ],
        words=2,
    )


def _change(task: str, arm: Arm, role: str) -> Change:
    pairs = [
        (right, beside.get(key))
        for run in arm.runs
        for beside in [_right(run.items(task, role))]
        for key, right in _right(run.items(task, STUDENT)).items()
    ]
    return Change(
        arm=arm.label,
        other=ROLES[role],
        both=pairs.count((True, True)),
        only_arm=pairs.count((True, False)),
        only_other=pairs.count((False, True)),
        neither=pairs.count((False, False)),
        unpaired=sum(other is None for _, other in pairs),
        seeds=len(arm.runs),
    )


def _right(items: Sequence[Item]) -> dict[tuple[str, int], bool]:
    return {(item.item_id, item.sample): item.verdict is Verdict.passed for item in items}
