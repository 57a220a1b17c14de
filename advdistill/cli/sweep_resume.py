"""`advdistill sweep resume`: the command of a sweep once more, from its ledger."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import hydra

from advdistill.cli.composing import conf_folder
from advdistill.cli.run import run_cell
from advdistill.cli.sweep_places import chosen, parsed
from advdistill.sweep.ledger import outputs_of, read_sweep_file


def main(arguments: Sequence[str]) -> int:
    """Run what is missing or failed; return 0, or exit as the sweep does.

    Relative paths in the command are read from where this is called.

    Raises:
        ConfigError: the arguments do not name one sweep.
        DataError: its folder is damaged.
    """
    description = "Give the command of a sweep again: it runs what is missing or failed."
    outputs, rest = parsed("resume", description, arguments)
    folder = chosen("resume", outputs, rest)
    file = read_sweep_file(folder)
    where = [] if file.config_folder is None else ["--config-dir", file.config_folder]
    given = [one for one in file.arguments if not one.startswith("outputs=")]
    quoted = str(outputs_of(folder)).replace("'", r"\'")
    sys.argv = ["run.py", *where, "-m", *given, f"outputs='{quoted}'"]
    hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")(run_cell)()
    return 0
