"""What a fuzz run finds, and what Python tells of what a verdict does."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from advdistill.records import TOTAL, Reward, Verdict
from benchmarks.fuzz_texts import Case

FORBIDDEN = {
    *("compile", "exec", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"),
    *("os.remove", "os.rename", "os.mkdir", "os.putenv", "subprocess.Popen", "pty.spawn"),
    *("socket.connect", "socket.bind", "ctypes.dlopen", "shutil.rmtree", "shutil.move"),
    *("marshal.loads", "pickle.find_class", "code.__new__"),
}
"""Audit events that no verdict may cause; `open` for writing is one more."""


@dataclass
class Findings:
    """What came of some answers."""

    answers: int = 0
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By verifier and verdict; `costly` counts as one."""
    known: Counter[tuple[str, bool]] = field(default_factory=Counter)
    """Answers of known value by verifier and whether they must pass."""
    faults: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    """One answer for each fault."""
    slowest: dict[str, tuple[float, str]] = field(default_factory=dict)
    costly: list[tuple[str, Case]] = field(default_factory=list)
    """Those that were drawn, to be done elsewhere."""

    def add(self, other: Findings) -> None:
        """Take in what came of others."""
        self.answers += other.answers
        self.verdicts += other.verdicts
        self.known += other.known
        self.faults += other.faults
        self.examples = other.examples | self.examples
        for name, found in other.slowest.items():
            self.slowest[name] = max(found, self.slowest.get(name, (0.0, "")))

    def check(self, name: str, one: Case, rows: Sequence[Reward]) -> None:
        """Count a verdict and find fault with it."""
        total = rows[-1]
        self.verdicts[name, total.verdict.value] += 1
        if total.rule != TOTAL or not all(isinstance(row.verdict, Verdict) for row in rows):
            self.fault(name, one, "rows without a total, or of no known verdict")
        if name in one.passes:
            must = one.passes[name]
            self.known[name, must] += 1
            if must != (total.verdict is Verdict.passed):
                wanted = "pass" if must else "anything but pass"
                self.fault(name, one, f"{total.verdict.value}; wanted {wanted}")

    def fault(self, name: str, one: Case, what: str) -> None:
        """Count what is wrong, with an answer for example."""
        self.faults[f"{name}: {what}"] += 1
        golds = f"{one.style.value}, {one.number} {one.letter} {one.word}"
        self.examples.setdefault(f"{name}: {what}", f"{golds}: {one.text[-300:]!r}")


class Audit:
    """Notes forbidden events while it is armed; a hook cannot be taken off again."""

    def __init__(self) -> None:
        """Begin to listen."""
        self.armed = False
        self._events: list[str] = []
        sys.addaudithook(self._heard)

    def taken(self) -> list[str]:
        """Return the events and forget them."""
        events, self._events = self._events, []
        return events

    def _heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.armed:
            return
        writes = event == "open" and set(str(arguments[1])) & set("wax+")
        if event in FORBIDDEN or writes:
            self._events.append(f"{event} {arguments!r}"[:60])


AUDIT = Audit()


def print_report(findings: Findings, seconds: float) -> None:
    """Print the tables."""
    print(
        f"{findings.answers:,} answers in {seconds:,.0f} s: {findings.answers / seconds:,.0f}/s, "
        f"{findings.verdicts.total():,} verdicts\n"
    )
    columns = [*(verdict.value for verdict in Verdict), "costly"]
    names = list(dict.fromkeys(name for name, _ in findings.verdicts))
    print(f"{'verdicts':22}" + "".join(f"{column:>11}" for column in columns))
    for name in names:
        counts = "".join(f"{findings.verdicts[name, column]:11,}" for column in columns)
        print(f"{name:22}{counts}")
    print(f"\n{'known values':22}{'must pass':>11}{'must not':>11}")
    for name in sorted({name for name, _ in findings.known}):
        print(f"{name:22}{findings.known[name, True]:11,}{findings.known[name, False]:11,}")
    print(f"\n{'slowest verdict':22}{'CPU ms':>11}")
    for name, (slowest, answer) in findings.slowest.items():
        print(f"{name:22}{slowest * 1e3:11.2f}  {answer}")
    print(f"\nfaults: {findings.faults.total():,}")
    for fault, count in findings.faults.most_common():
        print(f"  {count:,} x {fault}\n      {findings.examples[fault]}")
