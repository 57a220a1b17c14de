"""The check of the settings themselves."""

from __future__ import annotations

from advdistill.doctor.finding import Finding, bad, good
from advdistill.doctor.subject import Subject
from advdistill.errors import AdvDistillError
from advdistill.launching import check_processes


def configuration(subject: Subject) -> Finding:
    """Whether every cell can be composed and built, with the packages it needs."""
    try:
        for _, plan in subject.cells:
            check_processes(plan.runtime.processes, plan.runtime.sharding)
            plan.student.check()
            plan.evaluation.check()
    except AdvDistillError as error:
        return bad(
            str(error), "do as the message says; `python run.py --cfg job` shows all settings"
        )
    count = len(subject.cells)
    return good(f"{count} cell{'s' * (count > 1)} composed and built")
