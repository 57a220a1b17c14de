"""Where sweeps lie, and which one a command names."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from advdistill.cli.composing import overrides_and_rest
from advdistill.errors import ConfigError
from advdistill.sweep.ledger import SWEEP_FILE


def parsed(verb: str, description: str, arguments: Sequence[str]) -> tuple[Path, list[str]]:
    """Return the outputs folder that `outputs=FOLDER` names, and the other arguments.

    Raises:
        ConfigError: another setting is given, or there is no such folder.
    """
    parser = argparse.ArgumentParser(
        prog=f"advdistill sweep {verb}",
        usage=f"advdistill sweep {verb} SWEEP [outputs=FOLDER]",
        description=description,
    )
    parser.add_argument("arguments", nargs="*", metavar="SWEEP", help="NAME, NAME/HASH or a folder")
    settings, rest = overrides_and_rest(parser.parse_args(arguments).arguments)
    outputs = Path("outputs")
    for setting in settings:
        name, _, value = setting.partition("=")
        if name != "outputs":
            raise ConfigError(f"sweep {verb}: unknown setting '{setting}'; wanted outputs=FOLDER")
        outputs = Path(value)
    return outputs, rest


def sweeps_below(outputs: Path) -> list[Path]:
    """Return the folders of all sweeps, the one that was begun last at the end."""
    files = (outputs / "sweeps").glob(f"*/*/{SWEEP_FILE}")
    return [path.parent for path in sorted(files, key=lambda path: path.stat().st_mtime)]


def chosen(verb: str, outputs: Path, rest: Sequence[str]) -> Path:
    """Return the folder of the one sweep that the arguments name.

    Raises:
        ConfigError: they name none, or more than one.
    """
    every = sweeps_below(outputs)
    if len(rest) != 1:
        raise ConfigError(
            f"sweep {verb}: {len(rest)} sweeps are named; wanted one, NAME, NAME/HASH or a folder "
            f"(there are: {_names(every)})"
        )
    named = Path(rest[0])
    if (named / SWEEP_FILE).is_file():
        return named
    fits = [one for one in every if rest[0] in (one.parent.name, f"{one.parent.name}/{one.name}")]
    if not fits:
        raise ConfigError(
            f"sweep {verb}: there is no sweep '{rest[0]}' in {outputs / 'sweeps'} (there are: "
            f"{_names(every)}); give one of them, its folder, or outputs=FOLDER"
        )
    return fits[-1]


def _names(folders: Sequence[Path]) -> str:
    return ", ".join(f"{one.parent.name}/{one.name}" for one in folders[-8:]) or "none"
