"""The versions that a run can be replayed with."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement

ROOT = "advdistill"


def constraints() -> list[str]:
    """Return, for pip's -c, what is installed of all that the package needs, sorted."""
    found: dict[str, str] = {}
    waiting = [ROOT]
    while waiting:
        name = waiting.pop()
        try:
            package = distribution(name)
        except PackageNotFoundError:  # one that this platform does not need
            continue
        name = package.metadata["Name"]
        if name not in found:
            found[name] = package.version
            waiting += [one for line in package.requires or () if (one := _needed(line))]
    return [f"{name}=={version}" for name, version in sorted(found.items(), key=_folded)]


def _needed(line: str) -> str | None:
    requirement = Requirement(line)
    wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    return requirement.name if wanted else None


def _folded(pair: tuple[str, str]) -> str:
    return pair[0].lower()
