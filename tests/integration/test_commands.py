"""The command `advdistill` as a person calls it."""

import gzip
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from advdistill.cli.main import VERBS
from advdistill.records import Verdict

COMMAND = [sys.executable, "-m", "advdistill"]
ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "transformers", "lm_eval", "datasets", "wandb", "scipy", "math_verify", "sympy"}
ROW = b'{"gold": "18", "response": "so #### 18"}\n'


def call(*arguments: object, stdin: bytes | None = None, python: tuple[str, ...] = ()):
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, *python, "-m", "advdistill", *map(str, arguments)],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )


def start(*arguments: object) -> subprocess.Popen[bytes]:
    """Start the command with pipes to it and from it."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield one row to judge for each recorded answer."""
    with gzip.open(path, "rt") as file:
        for line in file:
            problem = json.loads(line)
            for number, answer in enumerate(problem["responses"]):
                yield {
                    "id": f"{problem['problem_id']}/{number}",
                    "question": problem["question"],
                    "gold": problem["gold"],
                    "response": answer["response"],
                    "choices": problem.get("choices") or problem.get("options"),
                    "correct": answer["recorded_correct"],
                }


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write the rows as JSON Lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_file_gives_a_line_a_row_and_a_summary(tmp_path: Path) -> None:
    path, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    path.write_bytes(ROW + b"torn\n" + ROW.replace(b"18}", b"19}"))
    done = call("judge", "answer_format=hash", path, "-o", out)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.startswith(b"3 rows = 2 pass + 0 fail")
    assert done.stderr.endswith(b"1 malformed\n")
    assert [json.loads(line)["verdict"] for line in out.open()] == ["pass", "error", "pass"]
    piped = call("judge", "answer_format=hash", "-", stdin=path.read_bytes())
    named = piped.stdout.replace(b"-:", str(path).encode())
    assert (piped.returncode, named) == (0, out.read_bytes())
    packed = tmp_path / "rows.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert call("judge", "answer_format=hash", packed).stdout == out.read_bytes()


def test_judging_needs_no_heavy_library() -> None:
    done = call("judge", "-", stdin=ROW, python=("-X", "importtime"))
    assert done.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    assert "advdistill.judging" in imported
    assert imported & HEAVY == set()


def test_no_verbs_help_needs_a_heavy_library() -> None:
    modules = [f"advdistill.cli.{verb.replace('-', '_')}" for verb in VERBS]
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "advdistill.cli.report" in loaded
    assert loaded & {*HEAVY, "matplotlib", "pandas", "ray", "statsmodels"} == set()


def test_a_stream_is_judged_as_it_arrives() -> None:
    process = start("judge", "-")
    assert process.stdin is not None
    assert process.stdout is not None
    for number in range(3):
        process.stdin.write(ROW.replace(b"18}", b"%d}" % number) + ROW[:10])
        assert json.loads(process.stdout.readline())["verdict"] == "pass"
        process.stdin.write(ROW[10:])
        assert json.loads(process.stdout.readline())["verdict"] == "pass"
    process.stdin.close()
    assert process.wait(timeout=30) == 0


def test_a_reader_that_leaves_early_ends_it_quietly(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ROW * 50_000)
    process = start("judge", path)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_call_leaves_no_file(tmp_path: Path, number: signal.Signals) -> None:
    process = start("judge", "-", "-o", tmp_path / "out.jsonl")
    assert process.stdin is not None
    process.stdin.write(ROW)
    deadline = time.monotonic() + 30
    while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(list(tmp_path.iterdir())) == 1
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert list(tmp_path.iterdir()) == []
    assert b"Traceback" not in said


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the peak")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    program = (
        "import re, sys; from advdistill.cli.main import main; main(sys.argv[1:]); "
        r"print(re.search(r'VmHWM:\s+(\d+)', open('/proc/self/status').read())[1])"
    )
    peaks = []
    for rows in (2_000, 40_000):
        path = tmp_path / f"{rows}.jsonl"
        path.write_bytes(ROW.replace(b"so", b"so " * 300) * rows)
        done = subprocess.run(
            [sys.executable, "-c", program, "judge", path, "-o", tmp_path / "out.jsonl"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 10_000


def test_a_gold_answer_that_does_not_verify_stops_validation(tmp_path: Path) -> None:
    rows = [{"question": f"{number}?", "answer": answer} for number, answer in enumerate("1x")]
    path = write(tmp_path / "rows.jsonl", rows)
    given = ("validate", "dataset=jsonl", "dataset.name=own", f"dataset.train_path={path}")
    done = call(*given)
    assert done.returncode == 1
    assert b"own/train/00001" in done.stdout
    assert b"own/train/00000" not in done.stdout
    assert call(*given, "max_unverified=1").returncode == 0


def test_validation_builds_no_model() -> None:
    done = call(
        "validate", "teacher.model=/no/such", "-o", "/dev/null", python=("-X", "importtime")
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    assert done.returncode == 0
    assert imported & {"torch", "transformers", "lm_eval", "wandb"} == set()


def test_an_audit_looks_at_a_run_and_writes_nothing_into_it(finished: Path, tmp_path: Path) -> None:
    [run] = finished.glob("runs/*/*")
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    shown = call("audit", run, "against=number", "against.relative_tolerance=0.5")
    assert shown.returncode == 0, shown.stderr.decode()
    text = shown.stdout.decode()
    for title in ("Verdicts", "Groups", "Majorities", "second verifier", "judged", "Examples"):
        assert title in text
    assert "Only the run's verifier passes 0" in text
    out = tmp_path / "report.md"
    written = call("audit", run, "-o", out, "--quick", "--sample", 20)
    assert written.returncode == 0, written.stderr.decode()
    assert "second verifier: `against=math`" in out.read_text()
    assert "On 20 answers drawn with seed 0" in out.read_text()
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before
    refused = call("audit", run, "-o", run / "report.md")
    assert refused.returncode == 1
    assert b"the run's own folder" in refused.stderr


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "settings", "least"),
    [
        ("gsm8k_recorded", ["answer_format=hash"], 0.985),
        ("svamp_recorded", [], 0.98),
        ("csqa_recorded", ["verifier=choice"], 0.985),
        ("mmlu_pro_recorded", ["verifier=choice", "answer_format=letter"], 0.98),
    ],
)
def test_recorded_answers_are_judged_as_they_were_labelled(
    data: Path, tmp_path: Path, name: str, settings: list[str], least: float
) -> None:
    rows = list(rows_of(data / "responses" / f"{name}.jsonl.gz"))[:3000]
    path = write(tmp_path / "rows.jsonl", rows)
    done = call("judge", *settings, path)
    assert done.returncode == 0, done.stderr.decode()
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result["id"] for result in results] == [row["id"] for row in rows]
    verdicts = Counter(result["verdict"] for result in results)
    assert set(verdicts) <= {Verdict.passed, Verdict.failed, Verdict.unparsed}
    agreed = [
        (result["verdict"] == "pass") == row["correct"]
        for result, row in zip(results, rows, strict=True)
    ]
    assert sum(agreed) / len(agreed) >= least
