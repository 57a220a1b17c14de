"""Checks of Weights & Biases; a key is looked for and never shown."""

from __future__ import annotations

import netrc
from pathlib import Path

from advdistill.doctor.finding import Finding, bad, doubtful, good, skipped
from advdistill.doctor.subject import Subject
from advdistill.tracking import TrackingMode, WandbTracking, flatten

_MODES = ("online", "offline", "disabled", "dryrun", "run", "shared")
_HOST = "api.wandb.ai"


def wandb_mode(subject: Subject) -> Finding:
    """Whether W&B would send runs where they are meant to go, and can."""
    tracking = subject.plan.tracking
    if not isinstance(tracking, WandbTracking):
        return skipped("the run is not tracked")
    chosen = subject.machine.environ.get("WANDB_MODE")
    if chosen and chosen not in _MODES:
        return bad(f"WANDB_MODE is '{chosen[:20]}'", f"export one of {', '.join(_MODES)}")
    known = _logged_in(subject)
    online = tracking.mode is TrackingMode.online or (
        tracking.mode is TrackingMode.auto and chosen in ("online", "run")
    )
    if online and not known:
        return bad("online is asked for, and nobody is logged in", "wandb login, or mode=offline")
    who = "somebody is logged in" if known else "nobody is logged in"
    return good(f"mode {tracking.mode.value}{f', WANDB_MODE={chosen}' if chosen else ''}; {who}")


def wandb_sweep(subject: Subject) -> Finding:
    """Whether a sweep agent's variables are left over: W&B ignores the run's own id with them."""
    if subject.machine.environ.get("WANDB_SWEEP_ID"):
        return doubtful(
            "WANDB_SWEEP_ID is set: W&B gives the run an id and a project of its own choice",
            "unset WANDB_SWEEP_ID, unless a sweep agent started this",
        )
    return good("no sweep agent's variables are set")


def secrets(subject: Subject) -> Finding:
    """Whether a password or key stands in the settings, which are kept with every run."""
    whole = _leaves(subject.plan.config)
    kept = set(flatten(subject.plan.config))
    hidden = sorted(name for name in whole if name not in kept)
    if hidden:
        return bad(
            f"{', '.join(hidden)}: looks like a secret, and is written into config.yaml",
            "take it out of the settings; keys belong in environment variables",
        )
    return good("no setting looks like a secret")


def _leaves(value: object, path: str = "") -> list[str]:
    if isinstance(value, dict) and value:
        return [
            leaf
            for name, part in value.items()
            for leaf in _leaves(part, f"{path}.{name}" if path else str(name))
        ]
    return [path]


def _logged_in(subject: Subject) -> bool:
    if subject.machine.environ.get("WANDB_API_KEY"):
        return True
    file = Path(subject.machine.environ.get("NETRC") or subject.machine.home / ".netrc")
    try:
        return netrc.netrc(str(file)).authenticators(_HOST) is not None
    except (OSError, netrc.NetrcParseError):
        return False
