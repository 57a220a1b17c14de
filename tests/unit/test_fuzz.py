"""A short fuzz run of every quick verifier, and that a run finds what is wrong.

`python -m benchmarks.fuzz` is the long one.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from advdistill.answers import AnswerFormat
from advdistill.interfaces import Costly, Verifier
from advdistill.records import Prompt, Response, Reward, Verdict
from advdistill.verdicts import reward, with_total
from benchmarks.fuzz import KINDS, built, judged
from benchmarks.fuzz_findings import Findings
from benchmarks.fuzz_texts import case
from tests.builders import options


def found(name: str, verifier: Verifier, count: int, *, seed: str = "test") -> Findings:
    return judged({name: verifier}, Random(seed), count, 0.0)


@pytest.mark.parametrize("name", [*KINDS, "repetition", "length_cosine", "blend"])
def test_no_generated_answer_raises_is_run_or_is_judged_wrongly(name: str) -> None:
    assert name in options("verifier")
    findings = found(name, built((name,))[name], 3_000)
    assert not findings.faults, findings.examples
    verdicts = {verdict for _, verdict in findings.verdicts}
    assert verdicts <= {*(verdict.value for verdict in Verdict), "costly"}
    assert findings.verdicts.total() == 3_000
    assert max(seconds for seconds, _ in findings.slowest.values()) < 1


def test_the_same_seed_makes_the_same_answers() -> None:
    one, two, other = Random("a"), Random("a"), Random("b")
    made = [case(one) for _ in range(500)]
    assert made == [case(two) for _ in range(500)]
    assert made != [case(other) for _ in range(500)]
    assert {must for one in made for must in one.passes.values()} == {True, False}


@dataclass(frozen=True)
class Faulty:
    """A verifier that goes wrong on some answers, in the way it is named after."""

    fault: str

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward] | Costly:
        if self.fault == "raises" and "\0" in response.text:
            raise LookupError(response.text)
        if self.fault == "runs" and "##" in response.text:
            eval("1")
        if self.fault == "writes" and "##" in response.text:
            Path("/dev/null").write_text("")
        if self.fault == "starts" and "\0" in response.text:
            subprocess.run([sys.executable, "--version"], check=True, stdout=subprocess.DEVNULL)
        verdict = Verdict.failed if self.fault == "refuses" else Verdict.passed
        return with_total(reward(response, "faulty", verdict))


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("raises", "LookupError in test_fuzz.py"),
        ("runs", "caused compile"),
        ("writes", "caused open"),
        ("starts", "caused subprocess.Popen"),
        ("refuses", "fail; wanted pass"),
        ("accepts", "pass; wanted anything but pass"),
    ],
)
def test_what_is_wrong_with_a_verifier_is_found(fault: str, what: str) -> None:
    findings = found("number", Faulty(fault), 1_000)
    assert any(what in one for one in findings.faults), findings.faults
    assert findings.examples.keys() == findings.faults.keys()


def test_a_run_says_what_it_judged_and_fails_only_where_it_finds_faults(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.fuzz", "--answers=500", "--processes=1"]
    run = subprocess.run(
        [*command, "--verifiers=number,layout"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.startswith("500 answers in ")
    assert "faults: 0" in run.stdout
