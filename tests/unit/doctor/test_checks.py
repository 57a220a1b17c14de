import ast
import json
from pathlib import Path
from threading import Event

import pytest

from advdistill import doctor
from advdistill.cli import doctor as command
from advdistill.doctor.checks import CHECKS, examine
from advdistill.doctor.finding import Finding, Health, MissingError, bad, good
from advdistill.doctor.subject import Subject
from tests.unit.doctor.subjects import subject


def well(_: Subject) -> Finding:
    return good("fine")


def ill(_: Subject) -> Finding:
    return bad("[red]it[/] \x1b[2J hurts", "rest")


def absent(_: Subject) -> Finding:
    raise MissingError("no data")


def broken(_: Subject) -> Finding:
    raise ZeroDivisionError("division by zero")


def endless(_: Subject) -> Finding:
    Event().wait()
    return good("never")


def test_no_check_ends_the_others(tmp_path: Path) -> None:
    given = {"all": (well, broken, absent, endless, ill)}
    rows = list(examine(subject(tmp_path), given, patience_seconds=0.5))
    assert [(name, finding.health) for _, name, finding in rows] == [
        ("well", Health.good),
        ("broken", Health.crashed),
        ("absent", Health.skipped),
        ("endless", Health.crashed),
        ("ill", Health.bad),
    ]
    assert "ZeroDivisionError: division by zero" in rows[1][2].found


def test_every_check_is_in_the_list_once_and_says_what_it_looks_for() -> None:
    listed = [check for checks in CHECKS.values() for check in checks]
    names = [check.__name__ for check in listed]
    assert len(names) == len(set(names)) >= 25
    assert all((check.__doc__ or "").startswith("Whether ") for check in listed)
    written = {
        node.name
        for file in Path(str(doctor.__file__)).parent.glob("*.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef)
        and isinstance(node.returns, ast.Name)
        and node.returns.id == "Finding"
        and not node.name.startswith("_")
    }
    assert written - {"good", "bad", "doubtful", "skipped"} == set(names)


def test_the_page_escapes_what_it_shows(tmp_path: Path) -> None:
    shown = command.page([("a", "ill", ill(subject(tmp_path)))])
    assert r"[red]it[/] \x1b[2J hurts" in shown
    assert "remedy: rest" in shown
    assert "1 checks: 0 good, 0 doubtful, 1 bad" in shown


def test_a_wrong_setting_is_a_finding_and_the_code_is_1(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert command.main(["weighting=none_such", f"outputs={tmp_path}", "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    health = {row["check"]: row["health"] for row in rows}
    assert len(rows) == sum(map(len, CHECKS.values()))
    assert health["configuration"] == "bad"
    assert health["gold_answers"] == "skipped"
    assert not any(row["health"] == "crashed" for row in rows)
